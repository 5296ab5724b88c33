"""Two administrators grant the same at the same moment: one of them has it, the other is told."""

from __future__ import annotations

import pytest

from components.models import Component
from environments.models import GrantedNodePort, Space
from environments.services.grants import edit_grants
from foundation.problems import Invalid
from tests.cast import World
from tests.releases.concurrency.crowd import at_once

pytestmark = [pytest.mark.security("races"), pytest.mark.slow]


def test_one_node_port_for_two_spaces(world: World, component: Component) -> None:
    places = [world.spaces[name] for name in ("fat", "uat", "prd")]
    for number in range(30100, 30106):
        port = str(number)
        at_once(
            [
                lambda space=space, port=port: edit_grants(actor=world.ada, space=space, node_ports=[port])
                for space in places
            ],
            refusals=(Invalid,),
        )
        owners = [space for space in Space.objects.all() if port in space.grants.get("node_ports", [])]
        assert len(owners) == 1
        assert GrantedNodePort.objects.get(port=number).space_id == owners[0].pk
