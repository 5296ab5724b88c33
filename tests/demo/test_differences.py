"""The list of what the stand-in cluster does otherwise: short, in both languages, and on the page of the demo."""

import csv

import pytest
from django.utils import translation

from demo.differences import FILE, differences
from environments.models import Cluster

MOST = 15


def test_each_row_is_whole_and_there_are_few() -> None:
    with FILE.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert 0 < len(rows) <= MOST
    assert len({row["case"] for row in rows}) == len(rows)
    for row in rows:
        assert all(row.values()) and None not in row, row


@pytest.mark.django_db
def test_they_are_told_where_a_cluster_stands_in_and_nowhere_else() -> None:
    cluster = Cluster.objects.create(slug="demo", name="demo", url="https://k8s.example.com")
    assert differences() == []
    Cluster.objects.filter(pk=cluster.pk).update(url="http://127.0.0.1:21000")
    found = differences()
    with translation.override("zh-hans"):
        assert str(found[0].what) != found[0].what.english
