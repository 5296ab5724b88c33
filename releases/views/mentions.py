"""Whom a comment may name, while it is written."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from accounts.actor import actor_of
from environments.selectors.people import find_project
from foundation.pages import read_view
from releases.mentions import people_to_name

LONGEST = 60


@read_view
def offer(request: HttpRequest, project: str) -> HttpResponse:
    """The list that lies under the field, for ``?q=``: what stands behind the @."""
    reader, text = actor_of(request), request.GET.get("q", "")[:LONGEST]
    people = people_to_name(reader, find_project(reader, project), text)
    answer = render(request, "releases/_people_to_name.html", {"people": people})
    answer["Cache-Control"] = "no-store"
    return answer
