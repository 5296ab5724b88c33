"""Websocket addresses."""

from django.urls import path

from releases.live.consumers import LiveConsumer

websocket_urlpatterns = [path("ws/live/", LiveConsumer.as_asgi())]
