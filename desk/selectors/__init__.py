"""Reads across apps: my work, what runs where, is the platform well. Nothing here writes."""

from desk.selectors.approvals import next_to_approve, risks, to_approve
from desk.selectors.first_run import first_run
from desk.selectors.health import health
from desk.selectors.matrix import chosen_projects, filtered_components, matrix
from desk.selectors.outages import outages
from desk.selectors.ready import named_band, ready_band
from desk.selectors.search import search
from desk.selectors.work import counts, my_work

__all__ = [
    "chosen_projects",
    "counts",
    "filtered_components",
    "first_run",
    "health",
    "matrix",
    "my_work",
    "named_band",
    "next_to_approve",
    "outages",
    "ready_band",
    "risks",
    "search",
    "to_approve",
]
