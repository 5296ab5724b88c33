"""``manage.py jenkins_job sync SERVER``: the job of this version on a Jenkins server."""

from __future__ import annotations

import os
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from components import job_sync
from components.models import ComponentSettings, JenkinsServer
from deployer.errors import DeployerError
from foundation.messages import as_message
from foundation.problems import Refused

VARIABLE = "PRISM4K_JENKINS_TOKEN"
DIFFERS = 1
FAILED = 2


class Command(BaseCommand):
    """Exit code 0: the job is in line, or was written. 1: it differs (dry run). 2: refused, or not reachable."""

    help = "Create or update the Jenkins job from jenkins_job/, and list what it still needs."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("act", choices=["sync"])
        parser.add_argument("server", help="short name of the Jenkins server")
        parser.add_argument("--job", default=ComponentSettings._meta.get_field("job_name").default)
        parser.add_argument("--dry-run", action="store_true", help="show what differs, write nothing")
        parser.add_argument("--user", default="", help=f"account with Job/Configure; its API token in {VARIABLE}")

    def handle(self, *args: Any, **options: Any) -> None:
        """Raises CommandError with a message; SystemExit with 1 where a dry run found differences."""
        server = _server(options["server"])
        account = options["user"] or server.username
        try:
            client = job_sync.connect(server, options["user"], _token(options["user"]))
            account = client.describe().user or account
            is_in_line = self._sync(client, server, options["job"], account, is_dry=options["dry_run"])
        except job_sync.NotDone as error:
            raise CommandError(str(error), returncode=FAILED) from None
        except (DeployerError, Refused) as error:
            reason = as_message(error if isinstance(error, DeployerError) else error.message).in_english
            raise CommandError(f"As {account}: {reason}", returncode=FAILED) from None
        if not is_in_line:
            raise SystemExit(DIFFERS)

    def _sync(self, client: Any, server: JenkinsServer, job: str, account: str, *, is_dry: bool) -> bool:
        plan = job_sync.plan(client, server, job)
        for line in plan.diff:
            self.stdout.write(line)
        # Before the write: what is missing is often why Jenkins does not take the job.
        for line in job_sync.missing(client, server, plan):
            self.stdout.write(line)
        self.stdout.write(job_sync.check_script(client, plan.checked_at, plan.wanted))
        if not plan.diff:
            self.stdout.write(f"The job {job} is in line with this version.")
        elif is_dry:
            self.stdout.write(f"The job {job} {'differs' if plan.installed else 'is not there'}; nothing was written.")
        else:
            if said := job_sync.write(client, server, plan, account):
                self.stdout.write(said)
            self.stdout.write(f"The job {job} was {'updated' if plan.installed else 'made'} and read back.")
        return not (is_dry and plan.diff)


def _server(slug: str) -> JenkinsServer:
    server = JenkinsServer.objects.filter(slug=slug, is_archived=False).first()
    if server is None:
        known = JenkinsServer.objects.filter(is_archived=False).values_list("slug", flat=True)
        raise CommandError(
            f"There is no Jenkins server {slug}; there are: {', '.join(known) or 'none'}.", returncode=FAILED
        )
    return server


def _token(user: str) -> str:
    token = os.environ.get(VARIABLE, "").strip()
    if user and not token:
        raise CommandError(f"Give the API token of {user} in the variable {VARIABLE}.", returncode=FAILED)
    if token and not user:
        raise CommandError(f"{VARIABLE} is set: name its account with --user.", returncode=FAILED)
    return token
