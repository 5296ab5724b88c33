"""The Celery application: messages are hints, rows the truth; its one task is ``foundation.runs.tasks.take``."""

from __future__ import annotations

import os

from celery import Celery
from django.conf import settings

from prism4k import file_broker

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "prism4k.settings")

app = Celery("prism4k")


def _configure() -> None:
    options: dict[str, object] = {
        # Without these a publish hangs for ever on a Redis that accepts and never answers.
        "socket_timeout": 5,
        "socket_connect_timeout": 2,
        "retry_policy": {"timeout": 2},
        "visibility_timeout": 600,
        "unacked_restore_throttle": 1,
    }
    if settings.BROKER_URL.startswith("filesystem:"):
        folder = settings.DATA_DIR / "broker"
        for name in ("messages", "processed", "control"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        file_broker.use()
        options = {
            "data_folder_in": str(folder / "messages"),
            "data_folder_out": str(folder / "messages"),
            "processed_folder": str(folder / "processed"),
            "control_folder": str(folder / "control"),
            "polling_interval": 0.1,
        }
    app.conf.update(
        broker_url=settings.BROKER_URL,
        broker_transport_options=options,
        task_serializer="json",
        accept_content=["json"],
        task_ignore_result=True,
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        worker_prefetch_multiplier=1,
        broker_connection_retry_on_startup=True,
        task_publish_retry=False,
        worker_hijack_root_logger=False,
        worker_enable_remote_control=False,
        timezone="UTC",
    )


_configure()
app.autodiscover_tasks(["foundation.runs"])
