"""What Jenkins refuses before anything is queued: one end, with its reason, wherever the no comes."""

from __future__ import annotations

import pytest

from components.values import PARAMETERS
from deployer.errors import Forbidden, Rejected
from deployer.interfaces import BranchTip, JobFacts
from releases.models import Build
from tests.cast import World
from tests.releases.answers import Jenkins
from tests.releases.rows import build, make_component, make_order
from tests.releases.test_build_remotes import JOB, WELL, list_git, put, put_git, put_image, step


@pytest.fixture
def queued(world: World) -> Build:
    return build(make_order(make_component(world), world.dana))


SIGN_IN = Forbidden("Jenkins asks for a sign-in.", reason="sign_in")


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ({"job": JobFacts(False, PARAMETERS, next_number=3, session="one")}, "is disabled"),
        ({"job": JOB, "trigger": Rejected("The job is disabled.", reason="disabled")}, "is disabled"),
        ({"job": SIGN_IN}, "asks for a sign-in"),
        ({"job": JOB, "trigger": SIGN_IN}, "asks for a sign-in"),
    ],
    ids=["disabled before", "disabled at the request", "sign-in before", "sign-in at the request"],
)
def test_a_clear_no_has_one_word_whenever_it_comes(
    queued: Build, monkeypatch: pytest.MonkeyPatch, answers: dict[str, object], words: str
) -> None:
    """Nothing was queued: the end is ours to tell, with Jenkins' reason."""
    list_git(queued)
    put_git(monkeypatch, BranchTip(queued.order.branch, queued.order.commit))
    put_image(monkeypatch, None)
    jenkins = Jenkins(**WELL, **answers)
    put(monkeypatch, jenkins)
    assert (step(queued).state, queued.reason) == ("errored", "refused"), queued.message
    assert words in queued.message and jenkins.asked.count("trigger") == ("trigger" in answers)
