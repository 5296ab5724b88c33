"""States in templates: the same functions as everywhere, for rows that a page lists as they are."""

from __future__ import annotations

from django import template

from releases.presenters.states import attempt_state, run_word

register = template.Library()
register.filter("attempt_state", attempt_state)
register.filter("run_word", run_word)
