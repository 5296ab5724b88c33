"""The health page names runs, phases, processes and other sides in words."""

from __future__ import annotations

import re

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone
from django.utils.translation import override

from components.models import JenkinsServer
from deployer.adapters.git.child import not_git
from desk.selectors.health import CHECKS, COMPLAINTS, KINDS, PHASES, checks_shown, sides_of
from environments.models import Cluster
from foundation.models import Remote
from foundation.runs.heartbeat import beat
from foundation.runs.kinds import all_kinds
from releases.steps.build import PHASES as BUILD_PHASES
from releases.steps.deployment import PHASES as DEPLOYMENT_PHASES
from tests.cast import World


def test_every_kind_of_run_has_a_name() -> None:
    assert {kind.name for kind in all_kinds() if kind.name != "probe"} == set(KINDS)


def test_every_phase_has_words() -> None:
    apps = ("audit", "components", "environments", "foundation", "releases")
    written: set[str] = set()
    for path in (path for app in apps for path in (settings.BASE_DIR / app).rglob("*.py")):
        written |= set(re.findall(r"\bphase=\"(\w+)\"", path.read_text(encoding="utf-8")))
    assert written | set(BUILD_PHASES) | set(DEPLOYMENT_PHASES) <= set(PHASES)
    assert len(written) > 8


def test_every_check_has_words() -> None:
    source = (settings.BASE_DIR / "prism4k" / "health.py").read_text(encoding="utf-8")
    assert set(re.findall(r"checks\[\"(\w+)\"\]", source)) == set(CHECKS)
    assert all(complaint in source for complaint in COMPLAINTS)
    good, bad = checks_shown({"database": "ok", "migrations": "pending"})
    assert (good.is_good, good.complaint, bad.is_good) == (True, "", False)
    assert "manage.py migrate" in str(bad.complaint)


@pytest.mark.django_db
def test_other_sides_are_called_by_their_names() -> None:
    jenkins = JenkinsServer.objects.create(slug="ci", name="CI main", url="https://ci.example")
    cluster = Cluster.objects.create(slug="c", name="Cluster of the north", url="https://c.example")
    names = [f"jenkins:{jenkins.pk}", f"cluster:{cluster.pk}", "jenkins:999999", "other"]
    remotes = [Remote(name=name) for name in names]
    assert sides_of(remotes) == {names[0]: "Jenkins CI main", names[1]: "Cluster Cluster of the north"}


def test_the_page_speaks_the_readers_language(client: Client, world: World) -> None:
    person = world.people["ada"]
    person.language = "zh-hans"
    person.save()
    client.force_login(person, backend="accounts.backends.PasswordBackend")
    beat("watcher")
    said = not_git("git.example").message
    Remote.objects.create(name="git:999999", opened_at=timezone.now(), failures=2, last_error=said)
    page = client.get("/health/").content.decode()
    with override("zh-hans"):
        assert str(said) in page
        assert str(KINDS["build"]) != "build"
    assert "git.example" in page
    assert ">watcher<" not in page
