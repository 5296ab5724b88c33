"""Pages of this app."""

from __future__ import annotations

from django.urls import URLPattern, path

from trains.views import making, train

app_name = "trains"
urlpatterns: list[URLPattern] = [
    path("trains/", making.trains, name="list"),
    path("trains/new/", making.new, name="new"),
    path("trains/<int:pk>/", train.train, name="train"),
    path("trains/<int:pk>/start/", train.start, name="start"),
    path("trains/<int:pk>/pause/", train.pause, name="pause"),
    path("trains/<int:pk>/comments/", train.comment, name="comment"),
    path("trains/<int:pk>/roll-back/", train.roll_back, name="roll-back"),
    path("trains/<int:pk>/orders/", train.add, name="add"),
    path("trains/<int:pk>/orders/<str:number>/decide/", train.decide, name="decide"),
    path("trains/<int:pk>/orders/<str:number>/skip/", train.skip, name="skip"),
    path("trains/<int:pk>/orders/<str:number>/retry/", train.retry, name="retry"),
    path("trains/<int:pk>/orders/<str:number>/remove/", train.remove, name="remove"),
]
