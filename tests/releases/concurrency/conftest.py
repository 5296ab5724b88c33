"""A database that threads can share, with the cast in it."""

from __future__ import annotations

import pytest

from components.models import Component
from tests.cast import World
from tests.foundation.conftest import shared_database, start
from tests.releases import rows

__all__ = ["component", "shared_database", "start"]


@pytest.fixture
def component(world: World, shared_database: dict[str, str]) -> Component:
    """A complete component; its rows are committed where other threads and processes see them."""
    return rows.make_component(world)
