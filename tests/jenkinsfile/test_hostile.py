"""The job and its stand-in refuse the same parameters, with the same words, before the same stage."""

from __future__ import annotations

import re
from collections.abc import Mapping

import pytest

from sandbox.jenkins import job_config
from sandbox.jenkins.parameters import NODE_PATTERNS, PATTERNS, BadParameter, check
from tests.jenkinsfile.conftest import Sides
from tests.jenkinsfile.groovy import Ran
from tests.jenkinsfile.hostile import hostile_sets
from tests.sandbox.jenkins.parts import CONFIG

pytestmark = [pytest.mark.security("build-parameters"), pytest.mark.jenkinsfile]
_SAID = re.compile(r"^ERROR: (.*)$", re.MULTILINE)
OPTIONAL = {"IMAGE_NODE", "PLATFORM_URL", "DIR_BUILD_FILE", "BUILD_TARGET"}


@pytest.fixture(autouse=True)
def nothing_is_claimed(sides: Sides, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is let through is refused its claim, so that no set gets further than that."""
    monkeypatch.setattr(sides.site.platform, "status_of", lambda _: 409)


def stand_in_says(sent: Mapping[str, str]) -> str:
    """Its judgement of the parameters alone; empty where it lets them through."""
    values = job_config.parse(CONFIG.read_text()).values(sent)
    try:
        check(values, NODE_PATTERNS)
        check(values, PATTERNS)
    except BadParameter as problem:
        return str(problem)
    return ""


def test_hostile_parameters(sides: Sides) -> None:
    """Every set in Groovy and by the stand-in's rules; every sixth by the stand-in as a whole."""
    sets = list(hostile_sets(sides.parameters(BUILD_CMD="exit 7\n")))
    whole = sets[::6]
    queued = [sides.queue(parameters) for _, parameters in whole]
    ran = [sides.ran(parameters) for _, parameters in sets]
    refused = 0
    for (name, parameters), by_job in zip(sets, ran, strict=True):
        shown = f"{name}={parameters.get(name)!r}: {by_job.error}\n{by_job.log}"
        said = stand_in_says(parameters)
        assert by_job.result != "SUCCESS", shown
        assert (by_job.error if by_job.error.startswith("The parameter ") else "") == said, shown
        if said:
            refused += 1
            assert name in said, shown
            before_a_node = name in NODE_PATTERNS
            assert (by_job.stages, len(by_job.nodes)) == (([], 0) if before_a_node else (["Prepare Git Code"], 1)), (
                shown
            )
    assert refused >= 200
    check_whole(ran[::6], sides, queued)


def check_whole(ran: list[Ran], sides: Sides, queued: list[int]) -> None:
    """Results, stages and words of the two."""
    for by_job, by_stand_in in zip(ran, sides.ended(queued), strict=True):
        shown = f"{by_job.error}\n{by_job.log}\n--- stand-in\n{by_stand_in.log}"
        assert (by_job.result, by_job.stages) == (by_stand_in.result, by_stand_in.stages), shown
        if by_job.error.startswith("The parameter "):
            assert by_job.error == _SAID.findall(by_stand_in.log)[-1], shown


def test_every_parameter_is_looked_at(sides: Sides) -> None:
    """The complete set without one: only what may be empty is let through."""
    complete = sides.parameters(BUILD_CMD="exit 7\n")
    for name in PATTERNS | NODE_PATTERNS:
        ran = sides.ran({key: value for key, value in complete.items() if key != name})
        assert (f"The parameter {name} " not in ran.error) == (name in OPTIONAL), name
