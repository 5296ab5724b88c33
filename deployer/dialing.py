"""Where a name leads, asked once for each connection: what was checked is what is connected to.

A name may lead elsewhere between a check and the connection (DNS rebinding). So the adapters ask :func:`addresses_of`
for the addresses themselves and connect to those; who uses them registers the check (:func:`check_with`) that says
which addresses are allowed. Redirects are new connections and are checked alike.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence

from deployer.messages import Message

Check = Callable[[str, int], Sequence[str]]
"""From host and port to the addresses that may be connected to; raises :class:`Barred`, or OSError for no answer."""


class Barred(OSError):
    """The name leads where the product may not connect to; ``message`` says so. Nothing was sent."""

    def __init__(self, message: Message) -> None:
        super().__init__(message.in_english)
        self.message = message


def _unchecked(host: str, port: int) -> Sequence[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


_check: Check = _unchecked


def check_with(check: Check) -> None:
    """From now on each connection of the adapters is made to what ``check`` returns."""
    global _check
    _check = check


def addresses_of(host: str, port: int) -> Sequence[str]:
    """Where a connection to the host goes, in the order in which addresses are tried; never empty.

    Raises Barred for what is not allowed, and OSError for a name that leads nowhere.
    """
    found = _check(host.strip("[]"), port)
    if not found:
        raise socket.gaierror(socket.EAI_NONAME, "The name leads nowhere.")
    return found


def barred_in(error: BaseException) -> Message | None:
    """What kept a connection from being made, somewhere below a library's own error; None for anything else."""
    seen: set[int] = set()
    todo: list[object] = [error]
    while todo:
        item = todo.pop()
        if not isinstance(item, BaseException) or id(item) in seen:
            continue
        seen.add(id(item))
        if isinstance(item, Barred):
            return item.message
        todo += [*item.args, getattr(item, "reason", None), item.__cause__, item.__context__]
    return None
