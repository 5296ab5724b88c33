"""``manage.py demo_data``: the demo's rows, into an empty database or the demo's own.

May be run at any time: what exists stays as people left it.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

import audit
from demo.database import ForeignDatabase, mark_as_demo, require_demo_or_empty
from demo.ports import Ports
from demo.repository import make_repositories
from demo.rows.components import load_components
from demo.rows.orders import load_orders
from demo.rows.places import load_places
from demo.stand_ins import BadChoice, Choices, StandIns


class Command(BaseCommand):
    """CLUSTER, JENKINS_URL and REGISTRY in the environment put real sides in the stand-ins' place."""

    help = "Load the demo's people, projects, environments, components and past orders."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            sides = StandIns(Ports(settings.DATA_DIR / "ports.json"), Choices.from_environment())
            clusters, registry = sides.clusters(), sides.registry()
            require_demo_or_empty()
        except (BadChoice, ForeignDatabase) as error:
            raise CommandError(str(error)) from None
        make_repositories(sides.git_root)
        with transaction.atomic():
            mark_as_demo()
            places = load_places(clusters, registry)
            load_components(places, sides)
            orders = load_orders(places, sides.git_root)
            if orders:
                audit.record(audit.platform, "demo.loaded", object_type="platform", after={"orders": orders})
        if options["verbosity"]:
            self.stdout.write(f"Demo data is there; {orders} past orders were added.")
