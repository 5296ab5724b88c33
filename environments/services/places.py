"""Environments: the flow graph as data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction

import audit
from accounts.models import User
from accounts.validation import changed, clean_row, save_clean
from environments import loosening
from environments.access import require
from environments.flow import find_cycle
from environments.loosening import loosened
from environments.models import Environment, Space
from environments.policy import POLICY_FIELDS, below_minimum, contradictions
from environments.selectors.places import follows_of
from environments.services.rule_changes import propose
from environments.services.spaces import is_safe_for_production
from foundation.messages import message as _
from foundation.problems import Invalid, Refused


def create_environment(
    *, actor: User, slug: str, follows: Sequence[str] = (), twin: str = "", **values: Any
) -> Environment:
    """A new environment. ``follows`` and ``twin`` are slugs; ``values``: name, name_en, position, is_production.

    Raises Denied, Invalid (a circle in the flow among others), Stale.
    """
    require(actor, "manage_places")
    with transaction.atomic():
        known = lock_all()
        row = Environment(slug=slug, twin=_twin(known, slug, twin), **values)
        before = _named(known, follows)
        save_clean(row)
        row.follows.set(before)
        _check_circle()
        audit.record_act(actor, "environment.created", row, after=facts_of(row))
    return row


def edit_environment(
    *,
    actor: User,
    environment: Environment,
    follows: Sequence[str] | None = None,
    twin: str | None = None,
    reason: str = "",
    **values: Any,
) -> Environment:
    """Changes an environment; the short name stays. None leaves ``follows`` or ``twin`` as it is, blank ends a twin.

    In production what loosens a rule (:data:`environments.loosening.ENVIRONMENT`) becomes a rule change with the
    ``reason`` and waits for another platform administrator; the rest holds at once. Raises Denied, Invalid, and
    Refused where spaces would be below the site's minimum for production, or as ``propose`` does.
    """
    require(actor, "manage_places")
    with transaction.atomic():
        known = lock_all()
        row = known[environment.slug]
        old = facts_of(row)
        _change(known, row, values, follows, twin)
        wanted = facts_of(row)
        loose = loosened(loosening.ENVIRONMENT, old, wanted) if old["is_production"] else []
        if loose:
            before, after = ({name: facts[name] for name in loose} for facts in (old, wanted))
            _put(known, row, before)
            propose(actor=actor, subject=row, before=before, after=after, reason=reason)
        new = facts_of(row)
        if new != old:
            audit.record_act(actor, "environment.changed", row, before=old, after=new, reason=reason)
    return row


def put_rules(environment: Environment, values: Mapping[str, Any]) -> None:
    """The values of a confirmed rule change, inside the transaction that locked all. Raises Invalid, Refused."""
    known = lock_all()
    _put(known, known[environment.slug], values)


def _put(known: dict[str, Environment], row: Environment, values: Mapping[str, Any]) -> None:
    rest = {name: value for name, value in values.items() if name not in ("follows", "twin")}
    _change(known, row, rest, values.get("follows"), values.get("twin"))


def _change(
    known: dict[str, Environment],
    row: Environment,
    values: Mapping[str, Any],
    follows: Sequence[str] | None,
    twin: str | None,
) -> None:
    changed(row, values)
    if twin is not None:
        row.twin = _twin(known, row.slug, twin)
    clean_row(row)
    row.save()
    if follows is not None:
        row.follows.set(_named(known, follows))
    _check_circle()
    _check_spaces(row)


def lock_all() -> dict[str, Environment]:
    """All environments, locked: two arrows drawn at once must not close a circle together."""
    return {row.slug: row for row in Environment.objects.select_for_update().order_by("pk")}


def _named(known: dict[str, Environment], slugs: Sequence[str]) -> list[Environment]:
    if unknown := [slug for slug in slugs if slug not in known or known[slug].is_archived]:
        raise Invalid({"follows": [_("There is no environment %(name)s.", name=unknown[0])]})
    return [known[slug] for slug in slugs]


def _twin(known: dict[str, Environment], slug: str, twin: str) -> Environment | None:
    if not twin:
        return None
    if twin not in known or twin == slug or known[twin].is_archived:
        raise Invalid({"twin": [_("Choose another environment as its twin.")]})
    has_twins = slug in known and any(one.twin_id == known[slug].pk for one in known.values())
    if known[twin].twin_id is not None or has_twins:
        raise Invalid({"twin": [_("A twin has no twin of its own: choose the environment that it follows.")]})
    return known[twin]


def _check_circle() -> None:
    rows = list(Environment.objects.prefetch_related("follows"))
    if circle := find_cycle(follows_of(rows)):
        path = " → ".join(slug.upper() for slug in reversed(circle))
        raise Invalid({"follows": [_("The flow would be a circle: %(path)s.", path=path)]})


def _check_spaces(row: Environment) -> None:
    """Raises Refused where an existing space would not be allowed in the environment as it is now."""
    is_entry = not row.follows.exists()
    for space in Space.objects.filter(environment=row).select_related("project", "environment", "cluster"):
        values = {name: getattr(space, name) for name in POLICY_FIELDS}
        wrong = below_minimum(values, is_production=row.is_production) | contradictions(values, is_entry=is_entry)
        reasons = [str(said) for messages in wrong.values() for said in messages]
        if row.is_production and not is_safe_for_production(space.cluster):
            reasons.append(str(_("Its cluster's certificate is not verified.")))
        if reasons:
            raise Refused(
                _("The policy of %(space)s does not allow that: %(reason)s", space=space, reason=reasons[0]),
                "policy-below-minimum",
                _("A project administrator can change the policy of the space first."),
            )


def facts_of(row: Environment) -> dict[str, Any]:
    """What may change of it, as plain values; others by short name."""
    return {
        "name": row.name,
        "name_en": row.name_en,
        "position": row.position,
        "is_production": row.is_production,
        "twin": row.twin.slug if row.twin else "",
        "follows": sorted(row.follows.values_list("slug", flat=True)),
    }
