"""The banner names as stand-ins what is one."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from demo.sides import sides_said
from demo.stand_ins import Choices
from tests.cast import World


@pytest.mark.parametrize(
    ("choices", "said"),
    [
        (Choices(), "Demo data. Stand-ins: Jenkins, the registry, the clusters."),
        (Choices(cluster="~/.kube/config"), "Demo data. Stand-ins: Jenkins, the registry."),
        (
            Choices(cluster="real", jenkins="https://ci.example.com"),
            "Demo data. Stand-ins: the registry. A real Kubernetes whose node is a stand-in: the clusters.",
        ),
        (Choices(cluster="~/a,~/b"), "Demo data. Stand-ins: Jenkins, the registry."),
        (
            Choices(cluster="real,"),
            "Demo data. Stand-ins: Jenkins, the registry, the production cluster. "
            "A real Kubernetes whose node is a stand-in: the test cluster.",
        ),
        (Choices("~/.kube/config", "https://ci.example.com", "registry.example.com"), "Demo data."),
    ],
)
def test_only_what_nobody_named_a_real_one_for(choices: Choices, said: str) -> None:
    assert sides_said(choices) == said


def test_the_page_says_it(world: World, demo_installation: None, monkeypatch: Any) -> None:
    browser = Client()
    browser.force_login(world.olli, backend="accounts.backends.PasswordBackend")
    monkeypatch.setenv("CLUSTER", "~/.kube/config")
    page = browser.get("/").content.decode()
    assert "Stand-ins: Jenkins, the registry." in page
