"""How an order, an order in an environment, a place, an attempt and a pod stand: the one place that says it.

Pages, lists, the palette and the API show ``state`` (of which ``foundation.templatetags.ui.TONES`` makes icon and
colour) and ``word``; nobody else words a state of these.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol

from environments.models import Environment, Space
from foundation.messages import MessageLike
from foundation.messages import message as _
from foundation.runs.choices import ACTIVE, RunState
from foundation.runs.models import Run
from releases.choices import ClosedReason, DeploymentKind, OrderState, Reason
from releases.models import Build, Deployment, Placement, Promotion, ReleaseOrder, SpaceObservation, Turn
from releases.models.orders import short_number

AGAIN = frozenset({DeploymentKind.RESTART, DeploymentKind.SCALE})
"""Acts on what serves already: how they end is theirs, and says nothing of the order that was deployed."""
RUN_WORDS: dict[str, MessageLike] = {
    RunState.QUEUED: _("waiting"),
    RunState.RUNNING: _("running"),
    RunState.SUCCEEDED: _("succeeded"),
    RunState.FAILED: _("failed"),
    RunState.ERRORED: _("platform error"),
    RunState.CANCELLED: _("cancelled"),
}
_GOES_ON: dict[str, MessageLike] = {
    DeploymentKind.DEPLOY: _("deploying"),
    DeploymentKind.ROLL_BACK: _("rolling back"),
    DeploymentKind.RESTART: _("restarting"),
    DeploymentKind.SCALE: _("scaling"),
    DeploymentKind.REMOVE: _("removing"),
}
_FAILED: dict[str, MessageLike] = {
    DeploymentKind.DEPLOY: _("failed"),
    DeploymentKind.ROLL_BACK: _("rolling back failed"),
    DeploymentKind.RESTART: _("restart failed"),
    DeploymentKind.SCALE: _("scaling failed"),
    DeploymentKind.REMOVE: _("removing failed"),
}
POD_STATES: dict[str, MessageLike] = {
    "leaving": _("leaving"),
    "ready": _("ready"),
    "ended": _("ended"),
    "failing": _("failing"),
    "waiting": _("waiting for a node"),
    "starting": _("starting"),
    "running": _("running, not ready yet"),
}


@dataclass(frozen=True)
class Shown:
    """``state`` is the badge's and the API's, ``word`` says it; ``more`` is the reason, or what else is true there."""

    state: str
    word: MessageLike
    more: MessageLike = ""


NO_CONTACT = Shown("unknown", _("no contact"))


# ---------------------------------------------------------------- pods
def pod_state(pod: Mapping[str, Any]) -> Shown:
    """Of a pod as a step stored it."""
    state = str(pod.get("state", ""))
    return Shown("ready" if pod.get("is_ready") else state, pod_word(state))


def pod_word(state: str) -> MessageLike:
    """The word of a pod's state; a state of a later version is its own."""
    return POD_STATES.get(state, state)


def entry_state(*, is_there: bool, behind: int | None = None) -> Shown:
    """Of an Ingress or a Service; ``behind``: ready pods that a Service leads to."""
    if not is_there:
        return Shown("failing", _("gone"))
    return (
        Shown("short", _("no pod behind it"))
        if behind == 0
        else Shown("serving", _("present") if behind is None else _("serves"))
    )


# ---------------------------------------------------------------- attempts
def attempt_state(deployment: Deployment) -> Shown:
    """Of one deployment, roll back, restart, scaling or removal."""
    state, kind = deployment.state, DeploymentKind(deployment.kind)
    if state in ACTIVE:
        return NO_CONTACT if deployment.contact_lost_since else Shown(state, _under_way(deployment))
    if state == RunState.FAILED:
        return Shown(state, _FAILED[kind])
    if state == RunState.CANCELLED and deployment.reason == Reason.SUPERSEDED:
        return Shown("superseded", _("superseded"))
    if state == RunState.SUCCEEDED and kind == DeploymentKind.REMOVE:
        return Shown("removed", _("removed"))
    return Shown(state, run_word(deployment))


def run_word(run: Run) -> MessageLike:
    """How any run stands, in one word."""
    return RUN_WORDS[run.state]


def _under_way(deployment: Deployment) -> MessageLike:
    """``deploying 2/4``: what is under way and how far."""
    if deployment.state == RunState.QUEUED:
        return RUN_WORDS[RunState.QUEUED]
    if deployment.phase == "checking":
        return _("asking the entry")
    word = _GOES_ON[DeploymentKind(deployment.kind)]
    if "wanted" not in deployment.progress:
        return word
    ready, wanted = deployment.progress["ready"], deployment.progress["wanted"]
    return _("%(what)s %(ready)s/%(wanted)s", what=word, ready=ready, wanted=wanted)


# ---------------------------------------------------------------- places
def lost_contact_since(place: Placement) -> datetime | None:
    """Since when the cluster of the place does not answer; None while it does."""
    if "lost_since" in place.__dict__:
        found: datetime | None = place.__dict__["lost_since"]
        return found
    rows = SpaceObservation.objects.filter(space=place.space_id)
    return rows.values_list("contact_lost_since", flat=True).first()


def place_state(place: Placement | None) -> Shown:
    """Of what runs of a component in a space: what is under way, else what came of the last attempt, else how it is."""
    if place is None:
        return Shown("none", _("nothing was deployed here yet"))
    if place.in_progress is not None:
        return NO_CONTACT if lost_contact_since(place) else attempt_state(place.in_progress)
    if place.unknown_since is not None or lost_contact_since(place):
        return NO_CONTACT
    applied, good = place.last_applied, place.last_succeeded
    if applied is not None and (good is None or applied.pk != good.pk):
        return _after_no_success(place, applied)
    return _well(place) if good else Shown("none", _("nothing runs here"))


def _after_no_success(place: Placement, applied: Deployment) -> Shown:
    """The cluster accepted it, and it did not succeed: nothing says that what stands there is as it should be."""
    if applied.kind in AGAIN:
        return attempt_state(applied)
    if place.ready < place.wanted or not place.wanted:
        state = applied.state if applied.state != RunState.CANCELLED else RunState.FAILED
        return Shown(state, _("failing"), _still_serves(place))
    return Shown("mixed", _("ready, but it did not succeed"), _still_serves(place))


def _still_serves(place: Placement) -> MessageLike:
    """Which order goes on serving beside the one that failed; empty where nobody has read the pods for it."""
    good = place.last_succeeded
    if "pods" in place.get_deferred_fields():
        return ""
    if good is None or not any(pod.get("is_ready") and not pod.get("is_new") for pod in place.pods):
        return ""
    return _("%(number)s still serves", number=short_number(good.order.number))


def _well(place: Placement) -> Shown:
    """Of a place whose last attempt succeeded."""
    if place.unsettled_reason:
        return Shown("blocked", _("not calm"), place.unsettled_reason)
    if place.settled_at is None:
        return Shown("settling", _("settling"))
    if not place.wanted:
        return Shown("stopped", _("no pods wanted"))
    if place.ready < place.wanted:
        return Shown("short", _("%(ready)s of %(wanted)s ready", ready=place.ready, wanted=place.wanted))
    return Shown("serving", _("serves"))


# ---------------------------------------------------------------- an order in an environment
@dataclass(frozen=True)
class Attempts:
    """An order's newest deployment, roll back or removal in a space, and the newest act on it since."""

    deployment: Deployment | None = None
    act: Deployment | None = None

    @property
    def newest(self) -> Deployment | None:
        return self.act or self.deployment


def standing_state(
    order: ReleaseOrder,
    attempts: Attempts,
    promotion: Promotion | None,
    turn: Turn | None,
    place: Placement | None,
) -> Shown:
    """Of the order in one environment."""
    newest, deployment = attempts.newest, attempts.deployment
    if turn is not None:
        return Shown(RunState.QUEUED, _("waiting its turn"), turn_word(turn))
    if newest is not None and newest.state in ACTIVE:
        return attempt_state(newest)
    if promotion is not None and (deployment is None or promotion.created_at > deployment.created_at):
        return Shown("promoted", _("promoted"))
    if deployment is None:
        return Shown("none", _("not promoted"))
    if deployment.state != RunState.SUCCEEDED or deployment.kind == DeploymentKind.REMOVE or place is None:
        return attempt_state(deployment)
    found = after_success(order, place)
    failed = attempts.act if attempts.act and attempts.act.state in (RunState.FAILED, RunState.ERRORED) else None
    return replace(found, more=found.more or attempt_state(failed).word) if failed else found


def turn_word(turn: Turn) -> MessageLike:
    """``waits behind 1128-1405·CK, place 2``."""
    if turn.behind:
        number = short_number(turn.behind)
        return _("waits behind %(number)s, place %(place)s", number=number, place=turn.position)
    return _("waits until the cluster was read, place %(place)s", place=turn.position)


def after_success(order: ReleaseOrder, place: Placement) -> Shown:
    """What came of an order since it succeeded there."""
    good = place.last_succeeded
    if good is None:
        return Shown("removed", _("removed"))
    if good.order_id != order.pk:
        is_back = good.kind == DeploymentKind.ROLL_BACK and good.order_id < order.pk
        word = _("rolled back") if is_back else _("replaced")
        return Shown("replaced", word, _("by %(number)s", number=short_number(good.order.number)))
    if place.unknown_since is not None or lost_contact_since(place):
        return NO_CONTACT
    over = place.in_progress or place.last_applied
    if over is not None and over.order_id != order.pk:
        number = short_number(over.order.number)
        if place.in_progress is not None:
            return Shown("replacing", _("being replaced"), _("by %(number)s", number=number))
        return Shown("mixed", _("applied over"), _("order %(number)s was applied over it", number=number))
    return _well(place)


# ---------------------------------------------------------------- orders
class Stands(Protocol):
    """What :func:`order_state` reads of an order in one environment."""

    @property
    def space(self) -> Space: ...
    @property
    def shown(self) -> Shown: ...
    @property
    def attempts(self) -> Attempts: ...
    @property
    def is_under_way(self) -> bool: ...


def order_state(order: ReleaseOrder, build: Build | None, standings: Sequence[Stands]) -> Shown:
    """Of the whole order: how it was closed, what goes on, else the furthest place that it reached."""
    if order.state == OrderState.CLOSED:
        return Shown(order.closed_reason, ClosedReason(order.closed_reason).label)
    if order.state == OrderState.BUILD_FAILED:
        return _after_build(build)
    if order.state == OrderState.BUILDING and build is not None and build.contact_lost_since:
        return NO_CONTACT
    if order.state != OrderState.BUILT:
        return Shown(order.state, OrderState(order.state).label)
    furthest = _furthest(standings)
    return _there(furthest) if furthest else Shown(order.state, OrderState.BUILT.label)


def _after_build(build: Build | None) -> Shown:
    """Whether it failed, was stopped, or whether we are to blame, is the build's."""
    if build is not None and build.state == RunState.CANCELLED:
        return Shown(build.state, _("build cancelled"))
    if build is not None and build.state == RunState.ERRORED:
        return Shown(build.state, _("platform error in the build"))
    return Shown(OrderState.BUILD_FAILED, OrderState.BUILD_FAILED.label)


def _furthest(standings: Sequence[Stands]) -> Stands | None:
    """Where something goes on, else the last place in the flow where anything came of it; a twin only if alone."""
    reached = [one for one in standings if one.attempts.newest or one.is_under_way]
    under_way = [one for one in reached if one.is_under_way]
    flow = [one for one in reached if one.space.environment.twin_id is None]
    return next(iter(reversed(under_way or flow or reached)), None)


def _there(standing: Stands) -> Shown:
    shown, environment = standing.shown, standing.space.environment
    if shown.state == "promoted":
        # A second promotion after an attempt: that attempt is still the furthest that it came.
        deployment = standing.attempts.deployment
        shown = attempt_state(deployment) if deployment else shown
    if shown.state in ("serving", RunState.SUCCEEDED):
        return Shown("serving", _("serves in %(name)s", name=environment.label), shown.more)
    return Shown(shown.state, in_place(shown.word, environment), shown.more)


def in_place(word: MessageLike, environment: Environment) -> MessageLike:
    """``failed in UAT``."""
    return _("%(word)s in %(name)s", word=word, name=environment.label)
