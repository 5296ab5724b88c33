"""Which proxies are believed about who called and whether over https: an option of ``web`` and ``up``."""

from __future__ import annotations

import ipaddress
from argparse import ArgumentParser

from django.conf import settings
from django.core.management.base import CommandError


def add_proxy_option(parser: ArgumentParser) -> None:
    """``--proxy 10.0.0.5,10.1.0.0/16``; without it TRUSTED_PROXIES counts."""
    parser.add_argument(
        "--proxy",
        default=",".join(settings.TRUSTED_PROXIES),
        help="addresses and networks of proxies whose X-Forwarded-For and -Proto are believed (127.0.0.1,10.1.0.0/16)",
    )


def checked_proxies(given: str) -> str:
    """The list without blanks, empty for none. Raises CommandError for what is neither address nor network.

    uvicorn would take any other text, ``*`` as everybody, and believe nobody because of a slip.
    """
    entries = [entry.strip() for entry in given.split(",") if entry.strip()]
    for entry in entries:
        try:
            ipaddress.ip_network(entry)
        except ValueError:
            raise CommandError(
                f"--proxy (or TRUSTED_PROXIES) names {entry}: give addresses or networks, e.g. 127.0.0.1,10.1.0.0/16."
            ) from None
    return ",".join(entries)
