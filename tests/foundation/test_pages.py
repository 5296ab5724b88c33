"""What page views share: parts for htmx, headers, and refusals on forms."""

from __future__ import annotations

from typing import NoReturn

import pytest
from django import forms
from django.http import QueryDict
from django.test import RequestFactory

from foundation.pages import (
    is_refused,
    is_saved,
    put_errors,
    render_page,
    replace_values,
    status_of,
    try_save,
    wanted_part,
)
from foundation.problems import Invalid, Refused


class NameForm(forms.Form):
    name = forms.CharField(max_length=20)
    version = forms.IntegerField(required=False)


def sent(text: str = "name=gw&version=1") -> NameForm:
    form = NameForm(QueryDict(text))
    form.is_valid()
    return form


def refuse() -> NoReturn:
    raise Refused("Somebody was faster.", who_can_help="Ask Olli.")


@pytest.mark.parametrize(
    ("headers", "part"), [({}, ""), ({"HX-Request": "true"}, "rows")], ids=["whole page", "part for htmx"]
)
def test_a_part_is_for_htmx_alone(headers: dict[str, str], part: str) -> None:
    assert wanted_part(RequestFactory(headers=headers).get("/orders/?part=rows")) == part


@pytest.mark.django_db
@pytest.mark.parametrize("is_kept", [True, False])
def test_a_page_and_its_part_are_told_apart_by_caches(is_kept: bool) -> None:
    answer = render_page(RequestFactory().get("/"), "ui/keys_help.html", {}, status=400, is_kept=is_kept)
    assert answer.status_code == 400
    assert answer["Vary"] == "HX-Request, Cookie"
    assert answer.headers.get("Cache-Control", "kept") == ("kept" if is_kept else "no-store")


def test_messages_of_a_service_stand_at_their_fields_and_the_others_above() -> None:
    form = sent()
    put_errors(form, Invalid({"name": ["It is taken."], "": ["Nothing fits."], "unknown": ["No such field."]}))
    assert form.errors["name"] == ["It is taken."]
    assert form.non_field_errors() == ["Nothing fits.", "No such field."]
    assert status_of(form) == 400


def test_a_refusal_says_who_can_help_and_what_was_typed_stays() -> None:
    form = sent()
    assert not is_refused(form)
    assert try_save(form, refuse) is None
    assert form.non_field_errors() == ["Somebody was faster. Ask Olli."]
    assert (is_refused(form), status_of(form), form["name"].value()) == (True, 409, "gw")


def test_what_goes_through_leaves_the_form_alone() -> None:
    form = sent()
    assert is_saved(form, lambda: None), "a service may have nothing to answer"
    assert try_save(form, lambda: 7) == 7
    assert (form.errors, status_of(form), status_of(NameForm())) == ({}, 200, 200)


def test_a_form_that_was_overtaken_takes_the_new_version_and_keeps_the_rest() -> None:
    form = sent()
    replace_values(form, version="2")
    assert (form["name"].value(), form["version"].value()) == ("gw", "2")
