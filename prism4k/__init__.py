"""The frame: settings, routing, processes. The only package that knows every room."""

from prism4k.celery import app as celery_app

__all__ = ["celery_app"]
