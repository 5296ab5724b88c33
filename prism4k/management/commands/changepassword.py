"""``manage.py changepassword USERNAME --reason TEXT``: a way in again for the last who administers the platform.

Django's own would set anybody's password, leave sessions and tokens as they are, and tell nobody.
"""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from environments.management.passwords import read_password
from environments.services.people import set_password_by_shell
from foundation.problems import Invalid, Refused

VARIABLE = "NEW_PASSWORD"


class Command(BaseCommand):
    """Exit code 1: nothing was changed."""

    help = "Set somebody's password. Refused while another platform administrator could do it on the pages."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--reason", default="", help="stands in the audit")
        parser.add_argument("--password-file", type=Path, help=f"its first line; or the variable {VARIABLE}")

    def handle(self, *args: Any, **options: Any) -> None:
        """Raises CommandError with a message."""
        try:
            password = read_password(options["password_file"], VARIABLE)
            done = set_password_by_shell(username=options["username"], password=password, reason=options["reason"])
        except (KeyboardInterrupt, EOFError):
            raise CommandError("Interrupted: nothing was changed.") from None
        except Refused as refusal:
            raise CommandError(str(refusal)) from None
        except Invalid as invalid:
            raise CommandError("\n".join(map(str, invalid.texts))) from None
        self.stdout.write(f"The password of {done.username} is set: sign in and choose another. Sessions have ended.")
