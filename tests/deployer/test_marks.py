"""The mark on objects that a deployment applied."""

from __future__ import annotations

import pytest

from deployer.manifests import DEPLOYMENT_ANNOTATION, DeploymentMark, mark_of


def test_a_mark_is_read_as_it_was_written() -> None:
    mark = DeploymentMark(1_764_400_000, 17, "00c0ffee")
    assert DeploymentMark.parse(str(mark)) == mark
    assert mark_of({"metadata": {"annotations": {DEPLOYMENT_ANNOTATION: str(mark)}}}) == mark


@pytest.mark.parametrize("text", ["", "17", "1.17", "1.17.xyz", "1.17.00c0ffee ", None])
def test_anything_else_is_no_mark(text: object) -> None:
    assert DeploymentMark.parse(text) is None
    assert mark_of({"metadata": {"annotations": {DEPLOYMENT_ANNOTATION: text}}}) is None


def test_objects_without_a_mark() -> None:
    assert mark_of(None) is mark_of({}) is mark_of({"metadata": {"annotations": None}}) is None


def test_a_later_epoch_comes_after_every_number_of_an_earlier_one() -> None:
    assert DeploymentMark(2, 1, "00000000").position > DeploymentMark(1, 99, "ffffffff").position
