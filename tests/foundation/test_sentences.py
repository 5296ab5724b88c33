"""A sentence is stored in parts and said in the language of whoever reads it."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from django.core.serializers.json import DjangoJSONEncoder
from django.template import Context, Template
from django.utils.translation import gettext_lazy, override
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deployer.errors import Rejected
from deployer.sentences import Said, as_data, from_data, said_by, verbatim
from deployer.sentences import say as engine_say
from environments.models import SpaceSync
from foundation.sentences import Named, SaidField, SaidJSONField, Spoken, revived, say, spoken, storable

NOT_THERE = "The Git host %(host)s is not listed."
IN_CHINESE = "Git 主机 git.example 不在名单中。"
IN_ENGLISH = "The Git host git.example is not listed."


def through_text(sentence: object) -> Spoken:
    """What comes back of a text column."""
    field: Any = SaidField()
    return field.from_db_value(field.get_prep_value(sentence), None, None)  # type: ignore[no-any-return]


def through_json(value: object) -> Any:
    """What comes back of a JSON column."""
    return revived(json.loads(json.dumps(storable(value))))


WAYS = [through_text, through_json]


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> None:
    """A catalogue of one sentence."""
    words = {NOT_THERE: "Git 主机 %(host)s 不在名单中。", "It is away.": "它不在。", "broken %(host)s": "坏 %(hots)s"}

    def look_up(text: str) -> str:
        from django.utils.translation import get_language

        return words.get(text, text) if (get_language() or "").startswith("zh") else text

    monkeypatch.setattr("foundation.sentences.gettext", look_up)


@pytest.mark.usefixtures("known")
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "sentence",
    [say(NOT_THERE, host="git.example"), engine_say(NOT_THERE, host="git.example")],
    ids=["product", "engine"],
)
def test_a_stored_sentence_is_said_in_the_language_of_the_reader(way: Any, sentence: object) -> None:
    with override("en"):
        found = way(sentence)
        assert str(found) == IN_ENGLISH
    with override("zh-hans"):
        assert str(found) == IN_CHINESE


@pytest.mark.usefixtures("known")
@pytest.mark.parametrize("way", WAYS)
def test_a_sentence_within_a_sentence_is_said_in_the_same_language(way: Any) -> None:
    inner = say(NOT_THERE, host="git.example")
    found = way(say("It is away: %(why)s (%(all)s)", why=inner, all=[inner, "x"]))
    with override("zh-hans"):
        assert str(found) == f"It is away: {IN_CHINESE} ({IN_CHINESE}、x)"
    with override("en"):
        assert str(found) == f"It is away: {IN_ENGLISH} ({IN_ENGLISH}, x)"


@pytest.mark.parametrize("way", WAYS)
def test_a_name_is_said_in_the_language_of_the_reader(way: Any) -> None:
    found = way(say("%(who)s did it.", who=Named("陈磊", "Chen Lei")))
    with override("en"):
        assert str(found) == "Chen Lei did it."
    with override("zh-hans"):
        assert str(found) == "陈磊 did it."


@pytest.mark.usefixtures("known")
def test_words_of_other_systems_are_not_translated() -> None:
    with override("zh-hans"):
        assert str(spoken("It is away.")) == "它不在。"
        assert str(through_text(verbatim("It is away."))) == "It is away."


@pytest.mark.usefixtures("known")
def test_plain_text_of_older_rows_is_said_as_far_as_it_is_known() -> None:
    field: Any = SaidField()
    with override("zh-hans"):
        assert str(field.from_db_value("It is away.", None, None)) == "它不在。"
        assert str(field.from_db_value("make: *** Error 2 (100%)", None, None)) == "make: *** Error 2 (100%)"


@pytest.mark.usefixtures("known")
def test_a_translation_with_a_hole_gives_way_to_english() -> None:
    with override("zh-hans"):
        assert str(say("broken %(host)s", host="h")) == "broken h"


@pytest.mark.usefixtures("known")
def test_values_that_a_sentence_does_not_name_do_no_harm() -> None:
    with override("zh-hans"):
        assert str(Spoken("It is away.", {"host": "h"})) == "它不在。"


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
    assert through_text(Spoken(words, {})).text == clean or str(through_text(Spoken(words, {}))) == clean
    kept = through_text(Spoken("x %(a)s", values))
    assert kept.values == through_json(Spoken("x %(a)s", values)).values


@pytest.mark.parametrize("forged", ['{"said":"The order is open.","values":{}}', '{"said": 1}', '{"said":'])
def test_foreign_text_cannot_pose_as_a_sentence(forged: str) -> None:
    with override("zh-hans"):
        assert str(through_text(forged)) == forged


@pytest.mark.parametrize(
    "data", [{"said": "x", "values": {}, "more": 1}, {"said": "x"}, {"values": {}}, [1], "x", None]
)
def test_other_data_comes_back_as_it_was(data: Any) -> None:
    assert through_json(data) == data
    assert not isinstance(through_json(data), Spoken)


def test_nothing_said_is_false() -> None:
    assert not through_text("")
    assert not through_text(None or "")
    assert through_text("x")
    assert through_text("") == ""


def test_django_takes_it_for_a_lazy_translation() -> None:
    sentence = say("<b>%(x)s</b>", x="&")
    assert (
        Template("{{ s }} {% if s %}yes{% endif %}").render(Context({"s": sentence})) == "&lt;b&gt;&amp;&lt;/b&gt; yes"
    )
    assert json.loads(json.dumps({"s": sentence}, cls=DjangoJSONEncoder)) == {"s": "<b>&</b>"}


def test_an_error_carries_its_sentence() -> None:
    error = Rejected(engine_say("No %(a)s.", a="b"))
    assert str(error) == "No b."
    assert (error.said.text, error.said.values) == ("No %(a)s.", {"a": "b"})
    assert spoken(error).text == "No %(a)s."
    assert str(said_by(ValueError("50%s"))) == "50%s"
    assert str(spoken(said_by(ValueError("50%s")))) == "50%s"


def test_an_engine_sentence_survives_copies_and_frames() -> None:
    said = engine_say("No %(a)s: %(b)s", a=["x", engine_say("y %(c)s", c=1)], b=verbatim("z"))
    assert said == "No x, y 1: z"
    for other in (copy.deepcopy(said), from_data(json.loads(json.dumps(as_data(said))))):
        assert isinstance(other, Said)
        assert (other, other.text, other.values) == (said, said.text, said.values)


def test_a_value_of_any_shape_does_no_harm() -> None:
    said = engine_say("%(a)s %(b)s", a={"k": object}, b="x" * 5000)
    assert json.dumps(as_data(said))
    assert len(said) < 2200


@pytest.mark.django_db
def test_a_column_can_be_asked_for_its_emptiness() -> None:
    assert isinstance(SpaceSync._meta.get_field("message"), SaidField)
    assert isinstance(SpaceSync._meta.get_field("message").get_prep_value(""), str)
    assert list(SpaceSync.objects.filter(message="")) == list(SpaceSync.objects.exclude(message=say("x")))
    assert SaidJSONField().get_prep_value({"a": say("x")}) == {"a": {"said": "x", "values": {}}}
