"""Ports that one process chooses and another listens on later, with nobody coming in between."""

from __future__ import annotations

import contextlib
import random
import socket

LOOPBACK = "127.0.0.1"
RANGE = range(20000, 30000)
"""Below the range from which the kernel gives ports to outgoing connections: nobody takes them by chance."""

_reserved: list[socket.socket] = []


class PortTaken(Exception):
    """Somebody else has it; ``str()`` says where and what to do."""


def reserve(*hosts: str) -> int:
    """A port that nobody listens on at these addresses (loopback), for as long as this process lives.

    Two that choose at once never get the same one: a bound socket that does not listen keeps others from choosing it,
    while a server that sets SO_REUSEADDR may listen there (Linux, socket(7)). Raises PortTaken.
    """
    for port in random.sample(RANGE, min(200, len(RANGE))):
        with contextlib.suppress(OSError), contextlib.ExitStack() as bound:
            held = [bound.enter_context(_bound(host, port)) for host in hosts or (LOOPBACK,)]
            for one in held:
                one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            _reserved.extend(held)
            bound.pop_all()
            return port
    where = f"between {RANGE.start} and {RANGE.stop - 1} on {', '.join(hosts or (LOOPBACK,))}"
    raise PortTaken(f"No free port was found {where}. See who has them: ss -ltnp")


def _bound(host: str, port: int) -> socket.socket:
    """Without SO_REUSEADDR at first: that refuses a port which another process has reserved, too."""
    one = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        one.bind((host, port))
    except OSError:
        one.close()
        raise
    return one
