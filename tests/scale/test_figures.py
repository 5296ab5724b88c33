"""The figures on PostgreSQL: medians, weeks and what counts as failed are taken by the database itself."""

from __future__ import annotations

from tests.desk.test_figures import (
    test_a_change_that_is_rolled_back_within_a_day_failed,
    test_a_first_success_before_the_period_is_the_first,
    test_a_roll_back_that_answers_a_later_failure_undoes_nothing,
    test_deployments_by_week_and_environment,
    test_images_and_builds,
    test_lead_time_ends_with_the_first_success_in_production,
    test_medians_are_those_of_the_sorted_list,
    test_page_file_and_api_tell_the_same,
)
from tests.desk.test_figures_cost import test_many_orders_cost_no_more_queries_and_are_not_read_one_by_one
from tests.releases.pages.conftest import quick_passwords, signed_in

__all__ = [
    "quick_passwords",
    "signed_in",
    "test_a_change_that_is_rolled_back_within_a_day_failed",
    "test_a_first_success_before_the_period_is_the_first",
    "test_a_roll_back_that_answers_a_later_failure_undoes_nothing",
    "test_deployments_by_week_and_environment",
    "test_images_and_builds",
    "test_lead_time_ends_with_the_first_success_in_production",
    "test_many_orders_cost_no_more_queries_and_are_not_read_one_by_one",
    "test_medians_are_those_of_the_sorted_list",
    "test_page_file_and_api_tell_the_same",
]
