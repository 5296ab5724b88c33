"""``python -m tests.foundation.broker_child put|take FOLDER NAME COUNT``: one of several at the broker of files.

``put`` writes that many messages; ``take`` prints the body of each that it gets, until one says "over".
"""

from __future__ import annotations

import sys
import time
from queue import Empty

from kombu import Connection

from prism4k import file_broker

OVER = "over"
# Larger than a write is atomic for: a reader that met one half written would see it cut.
FILLING = "x" * 50_000


def options(folder: str) -> dict[str, str]:
    """Of the transport, as the product sets them."""
    return {
        "data_folder_in": f"{folder}/messages",
        "data_folder_out": f"{folder}/messages",
        "processed_folder": f"{folder}/processed",
        "control_folder": f"{folder}/control",
    }


def message(body: str) -> dict[str, object]:
    """As Celery would put it, but for its size."""
    delivery = {"exchange": "", "routing_key": "celery"}
    properties = {"delivery_tag": body, "delivery_info": delivery, "body_encoding": ""}
    return {
        "body": body,
        "content-encoding": "utf-8",
        "content-type": "application/json",
        "headers": {"filling": FILLING},
        "properties": properties,
    }


def main(what: str, folder: str, name: str, count: int) -> None:
    file_broker.use()
    with Connection("filesystem://", transport_options=options(folder)) as connection:
        channel = connection.default_channel
        channel._queue_bind("celery", "celery", "", "celery")
        if what == "put":
            for number in range(count):
                channel._put("celery", message(f"{name}-{number}"))
            return
        while True:
            try:
                body = channel._get("celery")["body"]
            except Empty:
                time.sleep(0.001)  # the others write
                continue
            if body.startswith(OVER):
                return
            sys.stdout.write(f"{body}\n")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))
