"""One stand-in for the tests of a module, and python-jenkins in front of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import jenkins
import pytest

from tests.sandbox.jenkins.parts import TOKEN, USER, BuildSite, build_site


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BuildSite]:
    with build_site(tmp_path_factory.mktemp("site")) as found:
        found.target = dataclasses.replace(found.target, quiet_period_seconds=0)
        yield found


@pytest.fixture
def library(site: BuildSite) -> jenkins.Jenkins:
    return jenkins.Jenkins(site.target.url, USER, TOKEN, timeout=20)
