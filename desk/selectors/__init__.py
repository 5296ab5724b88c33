"""Reads across rooms: my work, what runs where, is the platform well. Nothing here writes."""

from desk.selectors.health import health
from desk.selectors.matrix import chosen_projects, matrix
from desk.selectors.search import search
from desk.selectors.work import my_work, to_approve

__all__ = ["chosen_projects", "health", "matrix", "my_work", "search", "to_approve"]
