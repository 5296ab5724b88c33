"""WSGI entry point (pages and API without websockets)."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "prism4k.settings")
application = get_wsgi_application()
