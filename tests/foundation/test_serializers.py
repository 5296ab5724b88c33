"""Bodies with keys that nobody knows."""

from __future__ import annotations

import pytest
from rest_framework import serializers

from foundation.api.serializers import Input, NumberText, text

pytestmark = pytest.mark.security("unknown-fields")


class Row(Input):
    amount = serializers.IntegerField()
    note = text(20, default="")


class Sheet(Input):
    name = serializers.CharField()
    seen = serializers.IntegerField(read_only=True)
    rows = Row(many=True)


def test_a_misspelt_key_is_named_with_those_that_there_are() -> None:
    reader = Sheet(data={"name": "a", "rows": [], "nmae": "b"})
    assert not reader.is_valid()
    assert list(reader.errors) == ["nmae"]
    assert str(reader.errors["nmae"][0]) == "There is no field “nmae” here. The fields are: name, rows."


def test_all_mistakes_are_told_at_once_at_any_depth() -> None:
    reader = Sheet(data={"rows": [{"amount": "x", "notes": "n"}, {"amount": 1}], "extra": 1})
    assert not reader.is_valid()
    assert set(reader.errors) == {"name", "rows", "extra"}
    assert set(reader.errors["rows"][0]) == {"amount", "notes"}


def test_what_is_only_given_is_not_taken() -> None:
    assert not Sheet(data={"name": "a", "rows": [], "seen": 1}).is_valid()


def test_a_body_that_is_no_object_is_refused_as_before() -> None:
    assert not Sheet(data=["a"]).is_valid()
    assert Sheet(data={"name": "a", "rows": [{"amount": 1}]}).is_valid()


class Kinds(Input):
    label = text(20)
    count = serializers.IntegerField(required=False)
    is_on = serializers.BooleanField(required=False)
    amount = NumberText(required=False)
    labels = serializers.ListField(child=text(20), required=False)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"label": 7}, "Write a text, in quotes."),
        ({"label": 0.5}, "Write a text, in quotes."),
        ({"labels": ["a", 7]}, "Write a text, in quotes."),
        ({"count": "7"}, "Write a whole number, without quotes."),
        ({"count": True}, "Write a whole number, without quotes."),
        ({"is_on": "yes"}, "Write true or false."),
        ({"is_on": 1}, "Write true or false."),
    ],
)
def test_a_value_of_another_kind_than_the_document_says_is_refused(given: dict[str, object], says: str) -> None:
    reader = Kinds(data=given)
    assert not reader.is_valid()
    assert [str(one) for found in reader.errors.values() for one in found] == [says]


def test_values_of_their_kind_are_taken() -> None:
    assert Kinds(data={"label": "7", "count": 7, "is_on": True, "labels": ["7"]}).is_valid()
    assert Kinds(data={"amount": 0.5}).is_valid() and Kinds(data={"amount": "0.5"}).is_valid()
