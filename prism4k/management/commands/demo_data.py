"""``manage.py demo_data``: the demo's rows. May be run at any time: what exists stays as people left it."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

import audit
from demo.repository import make_repositories
from prism4k.demo_rows.components import load_components
from prism4k.demo_rows.orders import load_orders
from prism4k.demo_rows.places import load_places
from prism4k.ports import Ports
from prism4k.stand_ins import BadChoice, Choices, StandIns


class Command(BaseCommand):
    """CLUSTER, JENKINS_URL and REGISTRY in the environment put real sides in the stand-ins' place."""

    help = "Load the demo's people, projects, environments, components and past orders."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            sides = StandIns(Ports(settings.DATA_DIR / "ports.json"), Choices.from_environment())
            cluster, registry = sides.cluster(), sides.registry()
        except BadChoice as error:
            raise CommandError(str(error)) from None
        make_repositories(sides.git_root)
        with transaction.atomic():
            places = load_places(cluster, registry)
            load_components(places, sides)
            orders = load_orders(places, sides.git_root)
            if orders:
                audit.record(audit.platform, "demo.loaded", object_type="platform", after={"orders": orders})
        if options["verbosity"]:
            self.stdout.write(f"Demo data is there; {orders} past orders were added.")
