"""Kombu's transport of files, without its two faults: a file read while it is written, and one that cannot be read.

Kombu writes a message in place, so a worker may take the first half of one, and what it cannot parse ends the worker.
Here a message appears whole, under its name, or not at all; a file that is no message is logged and dropped. Messages
are hints, so one that is lost costs the two seconds until the watcher finds the run.
"""

from __future__ import annotations

import logging
import os
import time
import uuid
from pathlib import Path
from queue import Empty
from typing import Any

from kombu.exceptions import ChannelError
from kombu.transport import TRANSPORT_ALIASES, filesystem
from kombu.utils.json import dumps, loads

log = logging.getLogger(__name__)

_UNREADABLE = (ValueError, LookupError, TypeError, AttributeError)
"""What parsing raises for a file that is cut off, or no message at all."""


class Channel(filesystem.Channel):  # type: ignore[misc]
    """Messages are files of one folder, oldest name first."""

    def _put(self, queue: str, payload: dict[str, Any], **kwargs: Any) -> None:
        name = f"{time.time_ns():020d}_{uuid.uuid4()}.{queue}.msg"
        # Another suffix until it is whole: no reader takes it, and renaming is atomic within a folder.
        part = Path(self.data_folder_out) / f"{name}.part"
        try:
            part.write_bytes(dumps(payload).encode())
            part.rename(Path(self.data_folder_out) / name)
        except OSError as exc:
            raise ChannelError(f"Cannot write the message {name}.") from exc

    def _get(self, queue: str) -> dict[str, Any]:
        for name in sorted(os.listdir(self.data_folder_in)):
            if name.partition(".")[2] == f"{queue}.msg":
                content = self._take(name)
                message = self._parse(name, content) if content is not None else None
                if message is not None:
                    return message
        raise Empty

    def _take(self, name: str) -> bytes | None:
        """The content of a file that is ours alone from here on; None when another worker was quicker."""
        own = Path(self.processed_folder) / f"{uuid.uuid4()}.taken"
        try:
            (Path(self.data_folder_in) / name).rename(own)
            content = own.read_bytes()
            own.unlink()
        except OSError:
            return None
        return content

    def _parse(self, name: str, content: bytes) -> dict[str, Any] | None:
        try:
            message: dict[str, Any] = loads(content.decode())
            # As the consumer will read it, so that what it would stumble over is found here.
            self.Message(message, channel=self)
        except _UNREADABLE as error:
            log.warning("A hint was dropped, its file %s is no message (%s).", name, type(error).__name__)
            return None
        return message

    def get_table(self, exchange: str) -> list[Any]:
        """The bindings of an exchange; none when their file cannot be read: then hints are lost until it is mended."""
        try:
            return list(super().get_table(exchange))
        except _UNREADABLE:
            log.warning("The broker's table of %s cannot be read.", exchange)
            return []

    def _queue_bind(self, exchange: str, routing_key: str, pattern: str, queue: str) -> None:
        try:
            super()._queue_bind(exchange, routing_key, pattern, queue)
        except _UNREADABLE:
            # A process that was killed while it wrote the table left half of it: begin a new one.
            self._exchange_file(exchange).unlink(missing_ok=True)
            super()._queue_bind(exchange, routing_key, pattern, queue)


class Transport(filesystem.Transport):  # type: ignore[misc]
    """``filesystem://`` with the channel above."""

    Channel = Channel


def use() -> None:
    """Make it the transport of ``filesystem://`` in this process."""
    TRANSPORT_ALIASES["filesystem"] = f"{__name__}:Transport"
