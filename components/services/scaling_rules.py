"""Scaling rules: between how many replicas an autoscaler moves a component in an environment, and by what."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import transaction

import audit
from accounts.models import User
from components.models import Allocation, Component, ScalingRule
from components.selectors import current_allocation, current_rule, current_settings, latest_versions
from components.services.allocations import MOST_REPLICAS, ceiling_warnings, shares, space_to_change
from components.services.versions import check_seen, ensure_reason, insert_version
from deployer.quantities import PodCost, millicores_to_cores
from environments.ceilings import beyond_ceiling
from environments.models import Environment, Space
from foundation.messages import MessageLike
from foundation.messages import message as _
from foundation.problems import Invalid, Refused

NUMBERS = ("minimum", "maximum", "cpu_percent", "scale_up_seconds", "scale_down_seconds")
DEFAULTS = {"minimum": "1", "maximum": "2", "cpu_percent": "70", "scale_up_seconds": "0", "scale_down_seconds": "300"}
"""What the form begins with; the two times are Kubernetes' own."""
MOST_PERCENT = 1000
MOST_SECONDS = 3600
_AUTOSCALER = re.compile(r"^\s*kind:\s*[\"']?HorizontalPodAutoscaler\b", re.MULTILINE)

_MISTAKES: dict[str, MessageLike] = {
    "minimum": _("Write a whole number from 1 to 200: an autoscaler never goes down to 0."),
    "maximum": _("Write a whole number from 1 to 200."),
    "cpu_percent": _("Write a whole number from 1 to 1000: percent of the CPU lower bound."),
    "scale_up_seconds": _("Write whole seconds from 0 to 3600."),
    "scale_down_seconds": _("Write whole seconds from 0 to 3600."),
}
_RANGES = {
    "minimum": (1, MOST_REPLICAS),
    "maximum": (1, MOST_REPLICAS),
    "cpu_percent": (1, MOST_PERCENT),
    "scale_up_seconds": (0, MOST_SECONDS),
    "scale_down_seconds": (0, MOST_SECONDS),
}


@dataclass(frozen=True)
class SavedRule:
    """The version that counts now, and what a person should know about it."""

    rule: ScalingRule
    warnings: tuple[MessageLike, ...]


def show_rule(rule: ScalingRule) -> dict[str, str]:
    """The numbers as people type them."""
    return {name: str(getattr(rule, name)) for name in NUMBERS}


@transaction.atomic
def save_scaling_rule(
    *,
    actor: User,
    component: Component,
    environment: Environment,
    is_on: bool,
    numbers: Mapping[str, str],
    seen_number: int | None = None,
    note: str = "",
) -> SavedRule:
    """A new version of the rule; nothing is saved when nothing changed.

    ``numbers`` maps NUMBERS to text as people type it; those left out stay as they are. Without ``is_on`` the rule is
    taken away: from the next review on the allocation says the number of replicas. Raises Invalid by field (a change
    without ``note`` is one), Stale, Refused (also where a rule is to begin and the component has no allocation there).
    """
    space = space_to_change(actor, "edit_allocation", component, environment)
    current = current_rule(component, environment)
    check_seen(current, seen_number)
    read = _read({**(show_rule(current) if current else DEFAULTS), **numbers})
    warnings = _check_ceilings(space, component, read) if is_on else ()
    wanted: dict[str, Any] = {"is_on": is_on, **read}
    if current and all(getattr(current, name) == value for name, value in wanted.items()):
        return SavedRule(current, warnings)
    number = current.number + 1 if current else 1
    row = ScalingRule(
        component=component, environment=environment, number=number, author=actor, note=note.strip()[:200], **wanted
    )
    ensure_reason(row.note, current)
    insert_version(row, current)
    audit.record_act(
        actor,
        "save_scaling_rule",
        component,
        environment=environment.slug,
        reason=row.note,
        before={"version": current.number, "is_on": current.is_on, **show_rule(current)} if current else None,
        after={"version": number, "is_on": is_on, **show_rule(row)},
    )
    return SavedRule(row, warnings)


def _read(typed: Mapping[str, str]) -> dict[str, int]:
    wrong: dict[str, list[MessageLike]] = {}
    read: dict[str, int] = {}
    for name in NUMBERS:
        text, (least, most) = str(typed[name]).strip(), _RANGES[name]
        if text.isascii() and text.isdigit() and least <= int(text[:9]) <= most:
            read[name] = int(text)
        else:
            wrong[name] = [_MISTAKES[name]]
    if not wrong.keys() & {"minimum", "maximum"} and read["minimum"] > read["maximum"]:
        wrong["maximum"] = [
            _("The maximum %(most)s is below the minimum %(least)s.", most=read["maximum"], least=read["minimum"])
        ]
    if wrong:
        raise Invalid(wrong)
    return read


def _check_ceilings(space: Space, component: Component, read: Mapping[str, int]) -> tuple[MessageLike, ...]:
    """Whether the autoscaler could ever do what the rule says. Raises Invalid and Refused; warnings back."""
    allocation = current_allocation(component, space.environment)
    if allocation is None:
        raise Refused(
            _(
                "%(component)s has no allocation in %(name)s: an autoscaler compares the CPU use with the CPU lower "
                "bound. Set the allocation first.",
                component=component.name,
                name=space.environment.label,
            )
        )
    wrong: dict[str, list[MessageLike]] = {}
    if beyond := beyond_ceiling(space, _cost(allocation), read["maximum"]):
        wrong["maximum"] = [beyond]
    if read["cpu_percent"] > (most := highest_target(allocation)):
        wrong["cpu_percent"] = [_unreachable(allocation, most)]
    if wrong:
        raise Invalid(wrong)
    rule = ScalingRule(component=component, environment=space.environment, is_on=True, **read)
    return (*ceiling_warnings(space, shares(space, allocation, rule)), *_template_warnings(component))


def _cost(allocation: Allocation) -> PodCost:
    return PodCost(allocation.cpu_request, allocation.cpu_limit, allocation.memory_request, allocation.memory_limit)


def highest_target(allocation: Allocation) -> int:
    """The highest target, in percent of the request, above which use can rise so far that pods are added.

    Use ends at the limit, and the controller lets it lie 10 % beside the target before it acts (the flag
    ``--horizontal-pod-autoscaler-tolerance`` of kube-controller-manager).
    """
    return (allocation.cpu_limit * 1000 - 1) // (allocation.cpu_request * 11)


def _unreachable(allocation: Allocation, most: int) -> MessageLike:
    return _(
        "With CPU %(lower)s / %(upper)s no pod can use so much that the autoscaler would add one. "
        "Write at most %(most)s, or raise the CPU upper bound.",
        lower=millicores_to_cores(allocation.cpu_request),
        upper=millicores_to_cores(allocation.cpu_limit),
        most=most,
    )


def _template_warnings(component: Component) -> tuple[MessageLike, ...]:
    """Only a text is looked at here, which may make its autoscaler in another environment: the review decides."""
    settings = current_settings(component)
    templates = (settings.deployment_template_id, settings.service_template_id) if settings else ()
    return tuple(
        _(
            "The template %(name)s names an autoscaler. Where it makes one, the review refuses it beside this rule: "
            "take one of the two away.",
            name=version.template.name,
        )
        for version in latest_versions(templates).values()
        if _AUTOSCALER.search(version.body)
    )
