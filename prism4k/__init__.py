"""Settings, root URLs, processes: the only package that may import every app."""

from prism4k.celery import app as celery_app

__all__ = ["celery_app"]
