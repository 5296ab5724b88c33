"""Who changed what of a component and why, as lines of before and after."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from django.db.models import Q, QuerySet
from django.utils.text import capfirst

from components.entry_words import parts_of
from components.models import (
    SETTINGS_TEXTS,
    Allocation,
    Component,
    ComponentSettings,
    ConfigVersion,
    EntryCheck,
    ScalingRule,
)
from deployer.quantities import bytes_to_gib, millicores_to_cores
from foundation.messages import MessageLike
from foundation.messages import message as _

Versioned = ComponentSettings | Allocation | ConfigVersion | EntryCheck | ScalingRule
V = TypeVar("V", ComponentSettings, Allocation, ConfigVersion, EntryCheck, ScalingRule)

AMOUNT_LABELS: dict[str, MessageLike] = {
    "replicas": _("Replicas"),
    "cpu_request": _("CPU (cores), lower"),
    "cpu_limit": _("CPU (cores), upper"),
    "memory_request": _("Memory (G), lower"),
    "memory_limit": _("Memory (G), upper"),
}
RULE_FIELDS = ("is_on", "minimum", "maximum", "cpu_percent", "scale_up_seconds", "scale_down_seconds")
_TEMPLATES = ("dockerfile", "base_image", "bootstart", "deployment_template", "service_template")
_FIELDS = (*SETTINGS_TEXTS, *_TEMPLATES)


@dataclass(frozen=True)
class FieldChange:
    """One value that another replaced; empty text where there was none, or is none any more."""

    label: MessageLike
    before: str
    after: str


@dataclass(frozen=True)
class Change:
    """One saved version: what it is a version of, and what it changed."""

    what: MessageLike
    row: Versioned
    fields: list[FieldChange]


def changes_of(component: Component, *, limit: int = 50) -> list[Change]:
    """Settings, allocations, scaling rules, configurations and entry checks together, newest first."""
    settings = _with_former(component.settings.select_related("author", *_TEMPLATES).order_by("-pk"), limit)
    allocations = _with_former(component.allocations.select_related("author", "environment").order_by("-pk"), limit)
    rules = _with_former(component.scaling_rules.select_related("author", "environment").order_by("-pk"), limit)
    configs = _with_former(component.configs.select_related("author", "environment").order_by("-pk"), limit)
    checks = _with_former(component.entry_checks.select_related("author", "environment").order_by("-pk"), limit)
    found = [
        *(Change(_what(row), row, entry_check_changes(former, row)) for row, former in checks),
        *(Change(_what(row), row, settings_changes(former, row)) for row, former in settings),
        *(Change(_what(row), row, allocation_changes(former, row)) for row, former in allocations),
        *(Change(_what(row), row, rule_changes(former, row)) for row, former in rules),
        *(Change(_what(row), row, config_changes(former, row)) for row, former in configs),
    ]
    return sorted(found, key=lambda change: change.row.created_at, reverse=True)[:limit]


def _with_former(rows: QuerySet[V], limit: int) -> list[tuple[V, V | None]]:
    """Each of the newest rows with the version before it: two queries."""
    newest = list(rows[:limit])
    known = {_key(row): row for row in newest}
    wanted = [_former_key(row) for row in newest if row.number > 1 and _former_key(row) not in known]
    if wanted:
        known |= {_key(row): row for row in rows.filter(_any_of(wanted))}
    return [(row, known.get(_former_key(row))) for row in newest]


def _key(row: Versioned) -> tuple[int | None, int]:
    return getattr(row, "environment_id", None), row.number


def _former_key(row: Versioned) -> tuple[int | None, int]:
    return getattr(row, "environment_id", None), row.number - 1


def _any_of(keys: Iterable[tuple[int | None, int]]) -> Q:
    found = Q(pk=None)
    for environment_id, number in keys:
        found |= Q(number=number) if environment_id is None else Q(number=number, environment_id=environment_id)
    return found


def entry_check_changes(before: EntryCheck | None, after: EntryCheck) -> list[FieldChange]:
    """Parts of the entry check that differ."""
    old, new = ({str(label): text for label, text in parts_of(row)} for row in (before, after))
    return [
        FieldChange(label, old.get(label, ""), new.get(label, ""))
        for label in dict.fromkeys([*new, *old])
        if old.get(label) != new.get(label)
    ]


def _what(row: Versioned) -> MessageLike:
    if isinstance(row, ComponentSettings):
        return _("Settings, version %(number)s", number=row.number)
    if row.environment is None:
        return _("Entry check of every environment, version %(number)s", number=row.number)
    said: dict[str, object] = {"number": row.number, "environment": row.environment.label}
    if isinstance(row, EntryCheck):
        return _("Entry check in %(environment)s, version %(number)s", **said)
    if isinstance(row, Allocation):
        return _("Allocation in %(environment)s, version %(number)s", **said)
    if isinstance(row, ScalingRule):
        return _("Scaling rule in %(environment)s, version %(number)s", **said)
    return _("Configuration in %(environment)s, version %(number)s", **said)


def settings_changes(before: ComponentSettings | None, after: ComponentSettings) -> list[FieldChange]:
    """Fields of the settings that differ."""
    found = []
    for name in _FIELDS:
        old, new = str(getattr(before, name, None) or ""), str(getattr(after, name) or "")
        if old != new:
            found.append(FieldChange(settings_label(name), old, new))
    return found


def settings_label(name: str) -> str:
    """A field's name as the screen has it."""
    return capfirst(str(ComponentSettings._meta.get_field(name).verbose_name))  # type: ignore[union-attr]


def allocation_changes(before: Allocation | None, after: Allocation) -> list[FieldChange]:
    """Amounts that differ."""
    found = []
    for name, label in AMOUNT_LABELS.items():
        old, new = (amount_text(row, name) if row else "" for row in (before, after))
        if old != new:
            found.append(FieldChange(label, old, new))
    return found


def amount_text(row: Allocation, name: str) -> str:
    """One amount as people write it."""
    amount: int = getattr(row, name)
    if name.startswith("cpu"):
        return millicores_to_cores(amount)
    return bytes_to_gib(amount) if name.startswith("memory") else str(amount)


def rule_changes(before: ScalingRule | None, after: ScalingRule) -> list[FieldChange]:
    """Parts of a scaling rule that differ."""
    found = []
    for name in RULE_FIELDS:
        old, new = (rule_text(row, name) if row else "" for row in (before, after))
        if old != new:
            label = capfirst(str(ScalingRule._meta.get_field(name).verbose_name))  # type: ignore[union-attr]
            found.append(FieldChange(label, old, new))
    return found


def rule_text(row: ScalingRule, name: str) -> str:
    """One part of a scaling rule as people read it."""
    value = getattr(row, name)
    if isinstance(value, bool):
        return str(_("yes") if value else _("no"))
    return str(value)


def config_changes(before: ConfigVersion | None, after: ConfigVersion) -> list[FieldChange]:
    """Variables and files that differ, files by their length."""
    old, new = config_texts(before), config_texts(after)
    old_files, new_files = (before.files if before else {}), after.files
    found = [
        FieldChange(name, old.get(name, ""), new.get(name, ""))
        for name in _names(old, new)
        if old.get(name) != new.get(name)
    ]
    for name in _names(old_files, new_files):
        if old_files.get(name) != new_files.get(name):
            found.append(FieldChange(name, _lines(old_files.get(name)), _lines(new_files.get(name))))
    return found


def config_texts(config: ConfigVersion | None) -> dict[str, str]:
    """Variables as text: a value, or which key of which Secret it is read from."""
    entries = config.env if config else []
    return {str(entry["name"]): entry_text(entry) for entry in entries}


def entry_text(entry: dict[str, str]) -> str:
    """One variable's value; a reference to a Secret as ``Secret name/key``."""
    return f"Secret {entry['secret']}/{entry['key']}" if entry.get("secret") else str(entry.get("value", ""))


def _names(*sides: Iterable[str]) -> Sequence[str]:
    return sorted({name for side in sides for name in side})


def shown_length(text: str) -> str:
    """How long a file is, in lines, for the reader."""
    return str(_("%(n)s lines", n=len(text.splitlines())))


def _lines(text: str | None) -> str:
    return "" if text is None else shown_length(text)
