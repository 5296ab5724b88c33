"""All parts of the screens on one page, each in its variants, with made-up data. For development and the demo."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from foundation.pages import read_view
from releases.logs.pods import answer_of

Row = dict[str, Any]
DIGEST = "sha256:9c41e7a0f3b2d8c65a17e94bd0c8f2a3b6e5d4c3b2a190817263544536271809"
STATES = (
    ("queued", _("waiting")),
    ("running", _("running")),
    ("succeeded", _("succeeded")),
    ("failed", _("failed")),
    ("errored", _("platform error")),
    ("cancelled", _("cancelled")),
    ("blocked", _("blocked")),
)


@read_view
def style_guide(request: HttpRequest) -> HttpResponse:
    """Every part; 404 where neither development nor demo data is."""
    if not (settings.DEBUG or settings.DEMO):
        raise Http404
    return render(request, "styleguide/index.html", {"nav": "", "parts": PARTS, **samples()})


PARTS = (
    ("state", _("State badge")),
    ("age", _("Age")),
    ("copyable", _("Copyable id")),
    ("person", _("Person and environment")),
    ("acts", _("Buttons")),
    ("stages", _("Stage strip")),
    ("lane", _("Lane cards")),
    ("gates", _("Gates")),
    ("pods", _("Pod tiles")),
    ("quota", _("Quota bars")),
    ("diff", _("Difference")),
    ("compared", _("Compared facts")),
    ("log", _("Log viewer")),
    ("filters", _("Filter bar")),
    ("table", _("Table and its foot")),
    ("empty", _("Empty state")),
    ("errors", _("Error panel")),
    ("contact", _("No contact")),
    ("confirm", _("Question before an act")),
    ("toast", _("Toast")),
    ("skeleton", _("Skeleton")),
    ("palette", _("Palette and keys")),
    ("field", _("Fields")),
)
"""(anchor, heading), in the order of the page."""


def samples() -> dict[str, Any]:
    """Made-up values for every part, as of now."""
    now = timezone.now()
    return {
        "states": STATES,
        "choices": [(state, word, state == "running") for state, word in STATES],
        "ages": [now - timedelta(**ago) for ago in ({"seconds": 4}, {"minutes": 12}, {"hours": 3}, {"days": 9})],
        "never": None,
        "digest": DIGEST,
        "number": "K8S20261120141209CK",
        "people": PEOPLE,
        "environments": ENVIRONMENTS,
        "acts": ACTS,
        "stage_strips": [stages_that(*how) for how in STRIPS],
        "cards": [card(now) for card in CARDS],
        "order": {"number": "K8S20261120141209CK"},
        "gates": GATES,
        "tiles": [tile(now) for tile in TILES],
        "unborn": [{"word": _("exceeded quota")}],
        "quota": QUOTA,
        "diff": DIFF,
        "compared": compared(now),
        "running": True,
        "log": log(),
        "rows": [table_row(now, index) for index in range(3)],
        "page": {"previous_cursor": 120, "next_cursor": 70},
        "refusal": REFUSAL,
        "denied": DENIED,
        "explained": EXPLAINED,
        "invalid": INVALID,
        "lost": {"contact_lost_since": now - timedelta(minutes=6), "is_active": True},
        "form": sample_form(),
    }


# ---------------------------------------------------------------- people, places, buttons
PEOPLE = (
    {"username": "chenlei", "shown_name": "陈磊"},
    {"username": "zhaogang", "shown_name": "Zhao Gang"},
)
ENVIRONMENTS = (
    {"label": "FAT", "shown_name": _("Functional test"), "is_production": False},
    {"label": "PRD", "shown_name": _("Production"), "is_production": True},
)
_WHY = _("The order has not succeeded in UAT yet.")
ACTS: tuple[Row, ...] = (
    {"label": _("Build"), "url": "#acts", "method": "get", "is_primary": True, "key": "build", "letter": "b"},
    {"label": _("Check"), "url": "#acts", "method": "get", "key": "check"},
    {"label": _("Withdraw"), "url": "#acts", "method": "get", "is_danger": True, "key": "withdraw"},
    {"label": _("Deploy"), "url": "#acts", "method": "get", "why": _WHY, "who": "王芳, Wang Fang", "key": "deploy"},
)

# ---------------------------------------------------------------- stages and lane
NAMES = ("Prepare Git Code", "Build", "Get Dockerfile & Bootstart.sh", "DockerBuild", "DockerPush")
STRIPS = ((5, ""), (3, "running"), (1, "failed"))
_WORDS = dict(STATES)


def stages_that(succeeded: int, then: str) -> list[Row]:
    """Five stages: so many succeeded, the next one is in this state, the rest waits."""
    states = ["succeeded"] * succeeded + [then] * bool(then)
    states += ["waiting"] * (len(NAMES) - len(states))
    found = []
    for index, (name, state) in enumerate(zip(NAMES, states, strict=True)):
        seconds = None if state == "waiting" else 7 + 37 * index
        percent = {"succeeded": 100, "failed": 100, "running": 55}.get(state, 0)
        message = "script returned exit code 2" if state == "failed" else ""
        word = _WORDS.get(state, _("waiting"))
        found.append(
            {"name": name, "state": state, "word": word, "seconds": seconds, "percent": percent, "message": message}
        )
    return found


def _card(panel: str, title: str, name: Any, state: str, word: Any, **more: Any) -> Row:
    return {"panel": panel, "title": title, "name": name, "state": state, "word": word, **more}


CARDS: tuple[Callable[[datetime], Row], ...] = (
    lambda now: _card("build", str(_("Build")), "", "succeeded", _("succeeded"), seconds=152, who="陈磊", at=now),
    lambda now: _card("fat", "FAT", "功能测试", "running", _("running"), pods="1/3", percent=40),
    lambda now: _card(
        "uat", "UAT", "验收测试", "failed", _("failed"), detail="CrashLoopBackOff", serving="1118-0930·AB"
    ),
    lambda now: _card("prd", "PRD", "生产", "blocked", _("blocked"), detail=_WHY, is_production=True, ask="刘洋"),
    lambda now: _card("drp", "DRP", "灾备", "queued", _("waiting"), is_production=True),
)

# ---------------------------------------------------------------- gates, pods, quota
GATES: tuple[Row, ...] = (
    {"title": _("Build"), "is_open": True, "message": _("The order is built.")},
    {"title": _("Flow"), "is_open": False, "message": _WHY, "who": "王芳, Wang Fang"},
    {"title": "", "is_open": True, "message": _("The branch is allowed here.")},
)


def _tile(now: datetime, name: str, state: str, word: Any, **more: Any) -> Row:
    return {"name": f"proxy-gw-6d9f7c5b8-{name}", "short_name": name, "state": state, "tone": state, "word": word,
            "restarts": 0, "node": "n-17", "started_at": now - timedelta(minutes=2), **more}  # fmt: skip


TILES: tuple[Callable[[datetime], Row], ...] = (
    lambda now: _tile(now, "k2x9p", "ready", _("ready"), is_ready=True),
    lambda now: _tile(now, "m7q4z", "starting", _("starting")),
    lambda now: _tile(now, "v8c3d", "failing", "CrashLoopBackOff", restarts=4, message="exit code 1"),
    lambda now: _tile(now, "t5b2n", "leaving", _("leaving"), is_leaving=True),
)


def _quota(resource: str, unit: str, used: str, after: str, hard: str, **more: Any) -> Row:
    return {"resource": resource, "unit": unit, "used": used, "after": after, "peak": after, "hard": hard, **more}


QUOTA = (
    _quota("limits.cpu", "core", "12", "16", "32", after_percent=50),
    _quota("limits.memory", "GiB", "40", "48", "64", peak="56", after_percent=75, peak_percent=88),
    _quota("pods", "", "78", "82", "80", after_percent=100, short="2"),
)


# ---------------------------------------------------------------- differences
def _line(kind: str, number: int, text: str, origin: str = "") -> Row:
    return {"kind": kind, "number": number, "sign": {"add": "+", "del": "-"}.get(kind, ""), "text": text,
            "origin": origin}  # fmt: skip


_REPLICAS = {
    "path": "spec.replicas",
    "lines": (
        _line("same", 11, "spec:"),
        _line("del", 12, "  replicas: 2"),
        _line("add", 12, "  replicas: 4", "prism-python-deployment.yaml:12"),
    ),
}
_NEW = {"path": "data", "lines": (_line("add", 6, "data:"), _line("add", 7, "  LIMIT: 5000"))}
_MARK = {"path": "metadata.labels", "lines": (_line("add", 4, "  prism4k.io/order: K8S20261120141209CK"),)}
DIFF = (
    {"kind": "Deployment", "name": "proxy-gw", "action": "change", "changes": 1, "hunks": (_REPLICAS,),
     "marks": (_MARK,)},
    {"kind": "ConfigMap", "name": "proxy-gw", "action": "create", "changes": 0, "hunks": (_NEW,)},
    {"kind": "Service", "name": "proxy-gw", "action": "same", "changes": 0, "hunks": ()},
)  # fmt: skip


def compared(now: datetime) -> list[Row]:
    """One fact that changed, one that did not."""
    changed = {"who": PEOPLE[1], "when": now - timedelta(hours=3), "is_changed": True}
    return [
        {"label": _("Base image"), "before": "python:3.11", "after": "python:3.12", **changed},
        {"label": _("Build command"), "before": "make package", "after": "make package", "is_changed": False},
    ]


# ---------------------------------------------------------------- log
_LOG = """\
+ make package
\x1b[32mtest_the_fee_is_rounded ... ok\x1b[0m
\x1b[33mWARNING: base image is 7 months old\x1b[0m
Traceback (most recent call last):
SyntaxError: invalid syntax
make: *** [Makefile:24: test] Error 1
"""


def log() -> Row:
    """A pod's log: the viewer asks nobody for it."""
    data = {**answer_of(_LOG), "is_followed": False, "opens_at": "start"}
    return {"url": "", "link": "#", "raw_url": "", "data": data, "text": _LOG, "first": 1, "around": "",
            "around_line": 0, "is_short": True}  # fmt: skip


# ---------------------------------------------------------------- lists, errors, fields
def table_row(now: datetime, index: int) -> Row:
    """A row of a list."""
    (state, word), at = STATES[index + 1], now - timedelta(minutes=7 * index + 1)
    return {"number": f"K8S2026112014120{index}CK", "name": "SIS-OMM-JTC-APP-PROXY-GW", "person": PEOPLE[index % 2],
            "state": state, "word": word, "pods": f"{index}/4", "at": at}  # fmt: skip


REFUSAL = {"message": _("Zhao Gang is deploying order K8S20261120141209CK here right now."), "who_can_help": "赵刚"}
INVALID = {
    "message": _("Some fields need another value."),
    "fields": {"branch": [_("There is no branch of this name.")]},
}
DENIED = {"status": 403, "message": _("You may not do this here."), "who_can_help": "孙丽, Sun Li"}
EXPLAINED = {
    "title": _("Not allowed"),
    "did": _("Nothing was changed."),
    "safe": _("Ask one of them, or go back."),
}


class _SampleForm(forms.Form):
    branch = forms.CharField(label=_("Branch"), help_text=_("As it is called in Git."), max_length=80)
    description = forms.CharField(label=_("Description"), required=False, widget=forms.Textarea(attrs={"rows": 2}))
    environment = forms.ChoiceField(label=_("Environment"), choices=(("fat", "FAT"), ("prd", "PRD")))
    four_eyes = forms.BooleanField(label=_("Four eyes"), required=False)


def sample_form() -> forms.Form:
    """One field is wrong."""
    form = _SampleForm({"branch": "relese/3.2", "environment": "fat", "four_eyes": "on"})
    form.add_error("branch", _("There is no branch of this name."))
    return form
