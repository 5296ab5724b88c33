"""ASGI entry point: pages and API by Django, ``/ws/live/`` by Channels."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "prism4k.settings")
# Loads the apps; what follows imports their models.
pages = get_asgi_application()

from channels.auth import AuthMiddlewareStack  # noqa: E402
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402

from prism4k.kept_threads import KeptThreads  # noqa: E402
from prism4k.origins import OwnOrigins  # noqa: E402
from releases.live.routing import websocket_urlpatterns  # noqa: E402

application = ProtocolTypeRouter(
    {
        "http": KeptThreads(pages),
        # A page of another site may open a websocket with our cookie: its Origin must be one of ours.
        "websocket": OwnOrigins(AuthMiddlewareStack(URLRouter(websocket_urlpatterns))),
    }
)
