"""``manage.py``: what somebody with a shell does is in the audit, as what people do on the pages is.

Most commands of ours record what they did. Those of Django and of other packages know no audit: that one was called,
and with what, is recorded before it runs.
"""

from __future__ import annotations

import getpass
import sys
from collections.abc import Sequence

import django
from django.core.management import execute_from_command_line
from django.db import DatabaseError

import audit
from foundation.request_context import request_context

RECORDED = frozenset(
    {
        "axes_reset", "axes_reset_failure_logs", "axes_reset_ip", "axes_reset_ip_username", "axes_reset_logs",
        "axes_reset_username", "dbshell", "dumpdata", "flush", "loaddata", "shell",
    }
)  # fmt: skip
"""Commands of others that change rows, show all of them, or let somebody do both."""
SERVING = frozenset({"runserver", "runworker", "up", "watcher", "web"})
"""Processes of the product: what they do, people or the platform do."""


def run(argv: Sequence[str]) -> None:
    """One command, as Django runs it. Each row that it leaves in the audit has the account of the shell as address."""
    name = argv[1] if len(argv) > 1 else "help"
    if name in SERVING:
        execute_from_command_line(list(argv))
        return
    with request_context(address=f"shell:{_account()}"):
        if name in RECORDED and not {"-h", "--help"} & set(argv):
            _record(name, argv[2:])
        execute_from_command_line(list(argv))


def _account() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""  # a container's number without a name


def _record(name: str, arguments: Sequence[str]) -> None:
    """A database that is away must not stop who repairs it: it is told, and the command runs."""
    django.setup()
    after = {"command": name, "arguments": list(arguments)}
    try:
        audit.record(audit.platform, "platform.command_run", object_type="platform", object_name=name, after=after)
    except DatabaseError as error:
        sys.stderr.write(f"That {name} is run could not be recorded in the audit: {error}\n")
