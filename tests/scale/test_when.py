"""Holds, freezes and release windows on PostgreSQL: its clock ends them, its locks keep two ends apart."""

from __future__ import annotations

from tests.releases.test_freezes import (
    test_click_api_and_step_say_the_same,
    test_over_production_it_takes_two,
    test_where_it_is_in_force,
)
from tests.releases.test_holds import (
    order,
    test_inboxes_offer_nothing_that_is_held,
    test_it_ends_with_the_right_of_its_holder_and_with_the_holder,
    test_its_end_counts_at_once_by_the_clock_of_the_database,
    test_one_person_holds_a_place_once_and_again_when_it_is_over,
    test_the_database_keeps_what_cannot_be,
    test_the_engine_tells_its_end_once,
)
from tests.releases.test_release_windows import test_one_open_window_is_enough_and_a_freeze_in_it_shuts

__all__ = [
    "order",
    "test_click_api_and_step_say_the_same",
    "test_inboxes_offer_nothing_that_is_held",
    "test_it_ends_with_the_right_of_its_holder_and_with_the_holder",
    "test_its_end_counts_at_once_by_the_clock_of_the_database",
    "test_one_open_window_is_enough_and_a_freeze_in_it_shuts",
    "test_one_person_holds_a_place_once_and_again_when_it_is_over",
    "test_over_production_it_takes_two",
    "test_the_database_keeps_what_cannot_be",
    "test_the_engine_tells_its_end_once",
    "test_where_it_is_in_force",
]
