"""Audit events as plain values for the page, in the reader's language."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.apps import apps
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import pgettext_lazy

from audit.choices import Outcome
from audit.models import AuditEvent
from foundation.messages import MessageLike, localized_list
from foundation.messages import message as _

NOUNS: dict[str, MessageLike] = {
    "order": pgettext_lazy("audit", "release order"),
    "build": pgettext_lazy("audit", "build"),
    "promotion": pgettext_lazy("audit", "promotion"),
    "review": pgettext_lazy("audit", "review"),
    "break_glass": pgettext_lazy("audit", "break-glass"),
    "hold": pgettext_lazy("audit", "hold"),
    "freeze": pgettext_lazy("audit", "freeze"),
    "calendar": pgettext_lazy("audit", "calendar"),
    "rule_change": pgettext_lazy("audit", "rule change"),
    "group": pgettext_lazy("audit", "group"),
    "approval": pgettext_lazy("audit", "approval"),
    "comment": pgettext_lazy("audit", "comment"),
    "deployment": pgettext_lazy("audit", "deployment"),
    "turn": pgettext_lazy("audit", "turn"),
    "schedule": pgettext_lazy("audit", "scheduled deployment"),
    "train": pgettext_lazy("audit", "release train"),
    "drp_switch": pgettext_lazy("audit", "DRP switch or drill"),
    "prune": pgettext_lazy("audit", "removal"),
    "placement": pgettext_lazy("audit", "runtime"),
    "component": pgettext_lazy("audit", "component"),
    "template": pgettext_lazy("audit", "template"),
    "configuration": pgettext_lazy("audit", "configuration"),
    "allocation": pgettext_lazy("audit", "allocation"),
    "space": pgettext_lazy("audit", "space"),
    "environment": pgettext_lazy("audit", "environment"),
    "cluster": pgettext_lazy("audit", "cluster"),
    "project": pgettext_lazy("audit", "project"),
    "organisation": pgettext_lazy("audit", "organisation"),
    "member": pgettext_lazy("audit", "member"),
    "person": pgettext_lazy("audit", "person"),
    "user": pgettext_lazy("audit", "account"),
    "token": pgettext_lazy("audit", "token"),
    "session": pgettext_lazy("audit", "session"),
    "audit": pgettext_lazy("audit", "audit"),
    "platform": pgettext_lazy("audit", "platform"),
    "run": pgettext_lazy("audit", "run"),
}
"""What a verb begins with; also the choices of the filter."""
ACTS: dict[str, MessageLike] = {
    "created": pgettext_lazy("audit", "created"),
    "changed": pgettext_lazy("audit", "changed"),
    "closed": pgettext_lazy("audit", "closed"),
    "archived": pgettext_lazy("audit", "archived"),
    "restored": pgettext_lazy("audit", "restored"),
    "added": pgettext_lazy("audit", "added"),
    "ended": pgettext_lazy("audit", "ended"),
    "others_ended": pgettext_lazy("audit", "all others ended"),
    "revoked": pgettext_lazy("audit", "revoked"),
    "checked": pgettext_lazy("audit", "checked"),
    "queued": pgettext_lazy("audit", "asked for"),
    "running": pgettext_lazy("audit", "begun"),
    "succeeded": pgettext_lazy("audit", "succeeded"),
    "failed": pgettext_lazy("audit", "failed"),
    "errored": pgettext_lazy("audit", "platform error"),
    "cancelled": pgettext_lazy("audit", "cancelled"),
    "waiting": pgettext_lazy("audit", "waits its turn"),
    "started": pgettext_lazy("audit", "its turn came"),
    "superseded": pgettext_lazy("audit", "superseded"),
    "paused": pgettext_lazy("audit", "paused"),
    "done": pgettext_lazy("audit", "done"),
    "order_added": pgettext_lazy("audit", "order added"),
    "order_removed": pgettext_lazy("audit", "order removed"),
    "order_waiting": pgettext_lazy("audit", "order tried again"),
    "order_deploying": pgettext_lazy("audit", "order being deployed"),
    "order_succeeded": pgettext_lazy("audit", "order succeeded"),
    "order_failed": pgettext_lazy("audit", "order failed"),
    "order_skipped": pgettext_lazy("audit", "order skipped"),
    "order_rolled_back": pgettext_lazy("audit", "order being rolled back"),
    "rolled_back": pgettext_lazy("audit", "rolled back"),
    "asked": pgettext_lazy("audit", "asked for"),
    "stopped": pgettext_lazy("audit", "stopped"),
    "serves": pgettext_lazy("audit", "serves"),
    "returning": pgettext_lazy("audit", "being taken back"),
    "returned": pgettext_lazy("audit", "taken back"),
    "component_waiting": pgettext_lazy("audit", "component tried again"),
    "component_deploying": pgettext_lazy("audit", "component being deployed"),
    "component_serves": pgettext_lazy("audit", "component serves"),
    "component_failed": pgettext_lazy("audit", "component failed"),
    "component_left_out": pgettext_lazy("audit", "component left out"),
    "component_back_deploying": pgettext_lazy("audit", "component being taken back"),
    "component_back_done": pgettext_lazy("audit", "component taken back"),
    "component_back_failed": pgettext_lazy("audit", "component could not be taken back"),
    "component_back_stays": pgettext_lazy("audit", "component stays as it is"),
    "released": pgettext_lazy("audit", "released by force"),
    "stopping": pgettext_lazy("audit", "asked to stop"),
    "cancelling": pgettext_lazy("audit", "asked to cancel"),
    "current": pgettext_lazy("audit", "promoted"),
    "withdrawn": pgettext_lazy("audit", "withdrawn"),
    "replaced": pgettext_lazy("audit", "replaced"),
    "given": pgettext_lazy("audit", "given"),
    "rejected": pgettext_lazy("audit", "rejected"),
    "opened": pgettext_lazy("audit", "opened"),
    "expired": pgettext_lazy("audit", "over by itself"),
    "end_asked": pgettext_lazy("audit", "end asked for"),
    "lifted": pgettext_lazy("audit", "lifted"),
    "reviewed": pgettext_lazy("audit", "reviewed"),
    "mentioned": pgettext_lazy("audit", "names people"),
    "proposed": pgettext_lazy("audit", "proposed"),
    "in_force": pgettext_lazy("audit", "in force"),
    "refused": pgettext_lazy("audit", "refused"),
    "person_added": pgettext_lazy("audit", "person added"),
    "person_removed": pgettext_lazy("audit", "person removed"),
    "removed": pgettext_lazy("audit", "removed"),
    "void": pgettext_lazy("audit", "void"),
    "take_over": pgettext_lazy("audit", "take over"),
    "roll_back_asked": pgettext_lazy("audit", "approval of a roll back asked for"),
    "roll_back_withdrawn": pgettext_lazy("audit", "approval of a roll back asked for no more"),
    "policy_changed": pgettext_lazy("audit", "policy changed"),
    "grants_changed": pgettext_lazy("audit", "grants changed"),
    "sync_asked": pgettext_lazy("audit", "sync asked for"),
    "test_asked": pgettext_lazy("audit", "test asked for"),
    "activated": pgettext_lazy("audit", "activated"),
    "deactivated": pgettext_lazy("audit", "deactivated"),
    "password_set": pgettext_lazy("audit", "password set"),
    "password_changed": pgettext_lazy("audit", "password changed"),
    "signed_in": pgettext_lazy("audit", "signed in"),
    "signed_out": pgettext_lazy("audit", "signed out"),
    "sign_in_failed": pgettext_lazy("audit", "sign-in failed"),
    "locked_out": pgettext_lazy("audit", "locked out"),
    "exported": pgettext_lazy("audit", "exported"),
    "check_asked": pgettext_lazy("audit", "check asked for"),
    "heads_begun_anew": pgettext_lazy("audit", "file of heads begun anew"),
    "read_after_restore": pgettext_lazy("audit", "read after a restore"),
    "woken": pgettext_lazy("audit", "woken"),
    "first_administrator": pgettext_lazy("audit", "first administrator"),
    "command_run": pgettext_lazy("audit", "command called in a shell"),
    "secrets_rotated": pgettext_lazy("audit", "secrets sealed anew"),
}


@dataclass(frozen=True)
class Change:
    """One value, before and after, as text; an empty ``before`` where it only has one."""

    label: MessageLike
    before: str
    after: str


@dataclass(frozen=True)
class AuditRow:
    """One event; ``url`` leads to what it is about, where that has a page."""

    event: AuditEvent
    act: str
    is_refused: bool
    url: str
    changes: tuple[Change, ...]

    @property
    def first(self) -> Change | None:
        """What the row shows closed."""
        return self.changes[0] if self.changes else None

    @property
    def more(self) -> int:
        """How many changes beside it."""
        return max(0, len(self.changes) - 1)


def rows_of(events: Iterable[AuditEvent]) -> list[AuditRow]:
    """For a page; asks the database nothing."""
    return [
        AuditRow(event, act_of(event.verb), event.outcome == Outcome.REFUSED, _url(event), changes_of(event))
        for event in events
    ]


def act_of(verb: str) -> str:
    """A verb in words: what, and what was done with it. Verbs that no word is kept for stand as they are recorded."""
    noun, _dot, act = verb.partition(".")
    if not act:
        return str(_("request: %(verb)s", verb=verb)) if verb.startswith(("api ", "page ")) else verb
    known = NOUNS.get(noun), ACTS.get(act)
    return f"{known[0] or noun} · {known[1] or act.replace('_', ' ')}"


def _url(event: AuditEvent) -> str:
    is_order = event.object_name.startswith("K8S") and event.object_name.isalnum()
    return reverse("releases:order", args=[event.object_name]) if is_order else ""


def changes_of(event: AuditEvent) -> tuple[Change, ...]:
    """What was before and after, value by value."""
    before, after = _flat(event.before), _flat(event.after)
    return tuple(
        Change(_label(name), _shown(before[name]) if name in before else "", _shown(after.get(name)))
        for name in dict.fromkeys([*before, *after])
        if name not in before or name not in after or before[name] != after[name]
    )


def _flat(values: Any) -> dict[str, Any]:
    return dict(values) if isinstance(values, Mapping) else ({} if values is None else {"": values})


def _shown(value: Any) -> str:
    if value is None or value == "" or value == []:
        return "–"
    if isinstance(value, bool):
        return str(_("yes") if value else _("no"))
    if isinstance(value, Mapping):
        return localized_list(f"{name}: {_shown(inner)}" for name, inner in value.items())
    if isinstance(value, list):
        return localized_list(_shown(inner) for inner in value)
    return str(value)


def _label(name: str) -> MessageLike:
    return _labels().get(name) or name.replace("_", " ")


@lru_cache(maxsize=1)
def _labels() -> dict[str, Promise]:
    """Names of columns in the reader's language, as their models declare them."""
    found: dict[str, Promise] = {}
    for label in ("environments", "components", "accounts", "releases"):
        for model in apps.get_app_config(label).get_models():
            for column in model._meta.get_fields():
                text = getattr(column, "verbose_name", None)
                if isinstance(text, Promise):
                    found.setdefault(column.name, text)
    return found
