"""Two environments side by side on PostgreSQL, whose JSON, NULLs and least values are its own."""

from __future__ import annotations

from tests.desk.conftest import component, signed_in
from tests.desk.test_compare_environments import (
    both,
    test_a_configuration_is_unlike,
    test_files_amounts_rules_and_templates_are_unlike,
    test_queries_do_not_grow_with_components,
    test_what_is_the_same_is_folded,
    test_what_lies_behind_comes_first_then_other_versions_then_the_rest,
)
from tests.desk.test_project_page import test_what_waits_is_ones_own_first_and_below_it_says_whom_the_rest_waits_for
from tests.desk.test_twins import (
    test_one_component_is_laid_side_by_side_what_differs_first,
    test_queries_grow_neither_with_components_nor_with_projects,
    test_the_list_comes_by_the_page,
    test_the_list_has_every_component_that_differs_in_more_than_amounts,
    test_who_deploys_deploys_what_was_promoted_reviewed_and_approved,
)
from tests.releases.pages.test_feed import (
    order,
    test_what_is_usual_is_the_median_of_the_last_successes_of_the_same_place,
)

__all__ = [
    "both",
    "component",
    "order",
    "signed_in",
    "test_a_configuration_is_unlike",
    "test_files_amounts_rules_and_templates_are_unlike",
    "test_one_component_is_laid_side_by_side_what_differs_first",
    "test_queries_do_not_grow_with_components",
    "test_queries_grow_neither_with_components_nor_with_projects",
    "test_the_list_comes_by_the_page",
    "test_the_list_has_every_component_that_differs_in_more_than_amounts",
    "test_what_is_the_same_is_folded",
    "test_what_is_usual_is_the_median_of_the_last_successes_of_the_same_place",
    "test_what_lies_behind_comes_first_then_other_versions_then_the_rest",
    "test_what_waits_is_ones_own_first_and_below_it_says_whom_the_rest_waits_for",
    "test_who_deploys_deploys_what_was_promoted_reviewed_and_approved",
]
