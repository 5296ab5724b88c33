"""Bodies with keys that nobody knows."""

from __future__ import annotations

import pytest
from rest_framework import serializers

from foundation.api.serializers import Input, text

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
