"""Words for what the engine calls by code: kinds of run, their phases, roles of processes, checks, other sides."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from components.models import GitServer, ImageRegistry, JenkinsServer
from environments.models import Cluster
from foundation.models import Remote
from foundation.problems import Sentence

ROLES: dict[str, Sentence] = {"worker": _("worker"), "watcher": _("watcher")}
KINDS: dict[str, Sentence] = {
    "audit-seal": _("audit sealing"),
    "space-sync": _("space sync"),
    "cluster-test": _("cluster test"),
    "preview": _("template preview"),
    "server-test": _("server test"),
    "build": _("build"),
    "review": _("review"),
    "deployment": _("deployment"),
    "observe": _("runtime watch"),
    "watch": _("namespace watch"),
    "housekeeping": _("housekeeping"),
}
PHASES: dict[str, Sentence] = {
    "start": pgettext_lazy("phase", "not begun"),
    "triggering": pgettext_lazy("phase", "being handed to Jenkins"),
    "queued": pgettext_lazy("phase", "in Jenkins' queue"),
    "building": pgettext_lazy("phase", "building"),
    "finalizing": pgettext_lazy("phase", "collecting the result"),
    "applying": pgettext_lazy("phase", "applying"),
    "rolling": pgettext_lazy("phase", "rolling out"),
    "terminating": pgettext_lazy("phase", "waiting for the old namespace to go"),
    "namespace": pgettext_lazy("phase", "making the namespace"),
    "quota": pgettext_lazy("phase", "setting the quota"),
    "look": pgettext_lazy("phase", "reading the quota"),
    "namespaces": pgettext_lazy("phase", "asking namespace by namespace"),
}
CHECKS: dict[str, Sentence] = {"database": _("Database"), "migrations": _("Migrations"), "audit": _("Audit guard")}
COMPLAINTS: dict[str, Sentence] = {
    "pending": _("The database is older than the program: run manage.py migrate."),
    "unreachable": _("The database does not answer."),
    "triggers missing: run manage.py migrate": _(
        "The audit could be changed: its triggers are missing. Run manage.py migrate."
    ),
}


def word(words: Mapping[str, Sentence], code: str) -> Sentence:
    """The word for a code; the code itself where it has none (a room that is new)."""
    return words.get(code, code)


@dataclass(frozen=True)
class Check:
    """One thing that must be so before the platform can serve; ``complaint`` says what is not."""

    name: Sentence
    is_good: bool
    complaint: Sentence


def checks_shown(checks: Mapping[str, str]) -> list[Check]:
    """What ``/readyz`` found, for a reader."""
    return [
        Check(word(CHECKS, name), said == "ok", "" if said == "ok" else word(COMPLAINTS, said))
        for name, said in checks.items()
    ]


_MODELS: dict[str, tuple[type[models.Model], Sentence]] = {
    "jenkins": (JenkinsServer, _("Jenkins %(name)s")),
    "git": (GitServer, _("Git host %(name)s")),
    "registry": (ImageRegistry, _("Registry %(name)s")),
    "cluster": (Cluster, _("Cluster %(name)s")),
}


def sides_of(remotes: Iterable[Remote]) -> dict[str, str]:
    """Names of breakers (``jenkins:3``) with what people call the other side; one query for each kind."""
    wanted: dict[str, dict[int, str]] = {}
    for remote in remotes:
        kind, _colon, key = remote.name.partition(":")
        if kind in _MODELS and key.isdigit():
            wanted.setdefault(kind, {})[int(key)] = remote.name
    found: dict[str, str] = {}
    for kind, names in wanted.items():
        model, sentence = _MODELS[kind]
        rows = model._default_manager.in_bulk(list(names))
        found |= {names[pk]: str(sentence) % {"name": row} for pk, row in rows.items()}
    return found
