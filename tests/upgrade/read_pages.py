"""Reads the main pages of a database that was upgraded, as its administrator; prints what was answered as JSON."""

from __future__ import annotations

import json
import os
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "prism4k.settings")
django.setup()

from django.core.management import call_command  # noqa: E402 (settings come first)
from django.test import Client  # noqa: E402

from accounts.models import User  # noqa: E402
from components.models import Component, JenkinsServer  # noqa: E402
from environments.models import Membership  # noqa: E402
from releases.models import ReleaseOrder  # noqa: E402


def addresses() -> list[str]:
    """One of each kind of page and of list."""
    order = ReleaseOrder.objects.order_by("-pk").select_related("component__project")[0]
    component: Component = order.component
    return [
        "/", "/readyz", "/orders/", f"/orders/{order.number}/", "/components/", "/health/", "/clusters/", "/people/",
        f"/components/{component.project.slug}/{component.slug}/", f"/projects/{component.project.slug}/",
        "/api/v1/orders/", f"/api/v1/orders/{order.number}/", "/api/v1/components/",
    ]  # fmt: skip


def main() -> int:
    """Always 0: the caller judges what is printed."""
    membership = Membership.objects.filter(role="platform_admin").select_related("user")[0]
    user: User = membership.user
    client = Client(SERVER_NAME="127.0.0.1")
    client.force_login(user, backend="accounts.backends.PasswordBackend")
    statuses = {address: client.get(address).status_code for address in addresses()}
    call_command("audit_verify", stdout=sys.stderr)
    call_command("placements", check=True, stdout=sys.stderr)
    secrets = [bool(server.token) for server in JenkinsServer.objects.all()]
    json.dump({"statuses": statuses, "orders": ReleaseOrder.objects.count(), "secrets": secrets}, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
