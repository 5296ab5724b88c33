"""A message is stored in parts and shown in the language of its reader."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from django.template import Context, Template
from django.utils.translation import gettext_lazy, override
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deployer.errors import Rejected
from deployer.messages import as_data, from_data, message_of
from environments.models import SpaceSync
from foundation.messages import (
    LocalizedName,
    Message,
    MessageField,
    MessageJSONField,
    as_message,
    from_json_data,
    message,
    to_json_data,
    verbatim,
)
from foundation.renderers import MessageEncoder

NOT_THERE = "The Git host %(host)s is not listed."
IN_CHINESE = "Git 主机 git.example 不在名单中。"
IN_ENGLISH = "The Git host git.example is not listed."


def through_text(value: object) -> Message:
    """What comes back of a text column."""
    field: Any = MessageField()
    return field.from_db_value(field.get_prep_value(value), None, None)  # type: ignore[no-any-return]


def through_json(value: object) -> Any:
    """What comes back of a JSON column."""
    return from_json_data(json.loads(json.dumps(to_json_data(value))))


WAYS = [through_text, through_json]


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> None:
    """A catalogue of three messages."""
    words = {NOT_THERE: "Git 主机 %(host)s 不在名单中。", "It is away.": "它不在。", "broken %(host)s": "坏 %(hots)s"}

    def resolve(text: str) -> str:
        from django.utils.translation import get_language

        return words.get(text, text) if (get_language() or "").startswith("zh") else text

    monkeypatch.setattr("foundation.messages.gettext", resolve)


@pytest.mark.usefixtures("known")
@pytest.mark.parametrize("way", WAYS)
def test_a_stored_message_is_shown_in_the_language_of_the_reader(way: Any) -> None:
    with override("en"):
        found = way(message(NOT_THERE, host="git.example"))
        assert str(found) == IN_ENGLISH
    with override("zh-hans"):
        assert str(found) == IN_CHINESE


@pytest.mark.usefixtures("known")
@pytest.mark.parametrize("way", WAYS)
def test_a_message_within_a_message_is_shown_in_the_same_language(way: Any) -> None:
    inner = message(NOT_THERE, host="git.example")
    found = way(message("It is away: %(why)s (%(all)s)", why=inner, all=[inner, "x"]))
    with override("zh-hans"):
        assert str(found) == f"It is away: {IN_CHINESE} ({IN_CHINESE}、x)"
    with override("en"):
        assert str(found) == f"It is away: {IN_ENGLISH} ({IN_ENGLISH}, x)"


@pytest.mark.parametrize("way", WAYS)
def test_a_name_is_shown_in_the_language_of_the_reader(way: Any) -> None:
    found = way(message("%(who)s did it.", who=LocalizedName("陈磊", "Chen Lei")))
    with override("en"):
        assert str(found) == "Chen Lei did it."
    with override("zh-hans"):
        assert str(found) == "陈磊 did it."


@pytest.mark.usefixtures("known")
def test_words_of_other_systems_are_not_translated() -> None:
    with override("zh-hans"):
        assert str(as_message("It is away.")) == "它不在。"
        assert str(through_text(verbatim("It is away."))) == "It is away."


@pytest.mark.usefixtures("known")
def test_plain_text_of_a_column_is_translated_where_a_catalogue_has_it() -> None:
    field: Any = MessageField()
    with override("zh-hans"):
        assert str(field.from_db_value("It is away.", None, None)) == "它不在。"
        assert str(field.from_db_value("make: *** Error 2 (100%)", None, None)) == "make: *** Error 2 (100%)"


@pytest.mark.usefixtures("known")
def test_a_translation_with_a_hole_gives_way_to_english() -> None:
    with override("zh-hans"):
        assert str(message("broken %(host)s", host="h")) == "broken h"


@pytest.mark.usefixtures("known")
def test_parameters_that_a_message_does_not_name_do_no_harm() -> None:
    with override("zh-hans"):
        assert str(Message("It is away.", {"host": "h"})) == "它不在。"


@pytest.mark.parametrize("way", WAYS)
def test_a_lazy_translation_keeps_its_source_text(way: Any) -> None:
    with override("zh-hans"):
        found = way(gettext_lazy("The order is open."))
    with override("en"):
        assert str(found) == "The order is open."
    with override("zh-hans"):
        assert str(found) != "The order is open."


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(), st.dictionaries(st.sampled_from(["a", "b", "c"]), st.text() | st.integers(), max_size=3))
def test_no_words_are_lost_or_become_something_else(words: str, values: dict[str, Any]) -> None:
    clean = words.replace("\0", "\N{REPLACEMENT CHARACTER}")
    assert str(through_text(verbatim(words))) == clean[:2000] + ("…" if len(words) > 2000 else "")
    assert through_text(Message(words, {})).text == clean or str(through_text(Message(words, {}))) == clean
    kept = through_text(Message("x %(a)s", values))
    assert kept.params == through_json(Message("x %(a)s", values)).params


@pytest.mark.parametrize("forged", ['{"text":"The order is open.","params":{}}', '{"text": 1}', '{"text":'])
def test_foreign_text_cannot_pose_as_a_message(forged: str) -> None:
    with override("zh-hans"):
        assert str(through_text(forged)) == forged


@pytest.mark.parametrize(
    "data", [{"text": "x", "params": {}, "more": 1}, {"text": "x"}, {"params": {}}, [1], "x", None]
)
def test_other_data_comes_back_as_it_was(data: Any) -> None:
    assert through_json(data) == data
    assert not isinstance(through_json(data), Message)


def test_an_empty_message_is_false() -> None:
    assert not through_text("")
    assert not through_text(None or "")
    assert through_text("x")
    assert through_text("") == ""


def test_templates_and_json_get_its_text() -> None:
    found = message("<b>%(x)s</b>", x="&")
    assert Template("{{ s }} {% if s %}yes{% endif %}").render(Context({"s": found})) == "&lt;b&gt;&amp;&lt;/b&gt; yes"
    assert json.loads(json.dumps({"s": found}, cls=MessageEncoder)) == {"s": "<b>&</b>"}


def test_an_error_carries_its_message() -> None:
    error = Rejected(message("No %(a)s.", a="b"))
    assert str(error) == "No b."
    assert (error.message.text, error.message.params) == ("No %(a)s.", {"a": "b"})
    assert as_message(error).text == "No %(a)s."
    assert str(message_of(ValueError("50%s"))) == "50%s"
    assert str(as_message(message_of(ValueError("50%s")))) == "50%s"


def test_a_message_survives_copies_and_frames() -> None:
    made = message("No %(a)s: %(b)s", a=["x", message("y %(c)s", c=1)], b=verbatim("z"))
    assert made == "No x, y 1: z"
    for other in (copy.deepcopy(made), from_data(json.loads(json.dumps(as_data(made))))):
        assert isinstance(other, Message)
        assert (other, other.text, other.params) == (made, made.text, made.params)


def test_a_parameter_of_any_shape_does_no_harm() -> None:
    made = message("%(a)s %(b)s", a={"k": object}, b="x" * 5000)
    assert json.dumps(as_data(made))
    assert len(str(made)) < 2200


@pytest.mark.django_db
def test_a_column_can_be_asked_for_its_emptiness() -> None:
    assert isinstance(SpaceSync._meta.get_field("message"), MessageField)
    assert isinstance(SpaceSync._meta.get_field("message").get_prep_value(""), str)
    assert list(SpaceSync.objects.filter(message="")) == list(SpaceSync.objects.exclude(message=message("x")))
    assert MessageJSONField().get_prep_value({"a": message("x")}) == {"a": {"text": "x", "params": {}}}
