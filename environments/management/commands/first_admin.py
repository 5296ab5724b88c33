"""``manage.py first_admin``: the first platform administrator of an installation, who makes everybody else."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from environments.management.passwords import read_password
from environments.services.people import create_first_administrator
from foundation.models import Installation
from foundation.problems import Invalid, Refused

VARIABLE = "FIRST_ADMIN_PASSWORD"


class Command(BaseCommand):
    """Asks on a terminal; elsewhere options and a file or FIRST_ADMIN_PASSWORD answer. Exit code 1: nobody was made."""

    help = "Create the first platform administrator. Refused while an active one exists."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--username", help="to sign in with; asked for on a terminal")
        parser.add_argument("--name", help="as people see it; the user name without one")
        parser.add_argument("--email", default="")
        parser.add_argument("--password-file", type=Path, help=f"its first line; or the variable {VARIABLE}")

    def handle(self, *args: Any, **options: Any) -> None:
        """Raises CommandError with a message."""
        if Installation._meta.db_table not in connection.introspection.table_names():
            raise CommandError("The database has no tables yet: run manage.py migrate first.")
        try:
            username, name, password = _answers(options)
            person = create_first_administrator(username=username, name=name, password=password, email=options["email"])
        except (KeyboardInterrupt, EOFError):
            raise CommandError("Interrupted: nobody was made.") from None
        except Refused as refusal:
            raise CommandError(str(refusal)) from None
        except Invalid as invalid:
            lines = (f"{field or 'row'}: {message}" for field, found in invalid.fields.items() for message in found)
            raise CommandError("\n".join(lines)) from None
        self.stdout.write(f"{person.username} is platform administrator: sign in, then make projects and people.")


def _answers(options: dict[str, Any]) -> tuple[str, str, str]:
    """User name, name and password: as given, else as typed on the terminal."""
    username, name = options["username"], options["name"]
    if not username:
        if not sys.stdin.isatty():
            raise CommandError("Nobody can be asked here: give --username.")
        username = input("User name: ")
        name = name or input(f"Name, as people see it [{username}]: ")
    return username, name or username, read_password(options["password_file"], VARIABLE)
