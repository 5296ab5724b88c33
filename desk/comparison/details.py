"""In what one component differs between two environments: variables and files, amounts, templates line by line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from components.configuration_diff import Line as ConfigLine
from components.configuration_diff import compare as compare_configs
from components.history import allocation_changes, config_texts, rule_changes
from components.models import Component, ConfigVersion, TemplateVersion
from components.plain_secrets import is_secret
from components.presenters.preview import DiffLine, plain_diff
from environments.models import Environment
from foundation.messages import MessageLike
from releases.models import Snapshot

MOST_LINES = 40
"""So many variables and files are shown; the component's page of its configuration has all."""


@dataclass(frozen=True)
class Unlike:
    """One value in both environments; empty text where it is not set. ``is_hidden``: it differs, and is never shown."""

    name: MessageLike
    left: str
    right: str
    is_hidden: bool = False
    is_set_left: bool = True
    is_set_right: bool = True


@dataclass(frozen=True)
class TemplatePair:
    """One template in two versions, or two templates; ``diff`` from left to right."""

    left: TemplateVersion
    right: TemplateVersion
    diff: list[DiffLine]


@dataclass(frozen=True)
class Details:
    """All that differs of one component but its order. ``left_config`` and ``right_config`` are version numbers."""

    configuration: list[Unlike]
    hidden: int
    """So many lines more differ."""
    is_reordered: bool
    """The same variables in another order, which counts where one refers to another."""
    amounts: list[Unlike]
    templates: list[TemplatePair]
    left_config: int | None = None
    right_config: int | None = None
    is_known: bool = True
    """False where one of the two serves nothing: there is nothing to compare with."""


def unlike_variables(left: ConfigVersion | None, right: ConfigVersion | None) -> list[str]:
    """Names of variables that are not the same in both."""
    one, other = config_texts(left), config_texts(right)
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))


def details_of(
    component: Component, left: Environment, right: Environment, one: Snapshot | None, other: Snapshot | None
) -> Details:
    """Reads the texts of files and templates: four queries at most."""
    if one is None or other is None:
        return Details([], 0, False, [], [], is_known=False)
    compared = compare_configs([(left, one.config), (right, other.config)]).only_differences()
    lines = [_line(line) for line in [*compared.variables, *compared.files]]
    return Details(
        configuration=lines[:MOST_LINES],
        hidden=max(0, len(lines) - MOST_LINES),
        is_reordered=not compared.variables and _env(one.config) != _env(other.config),
        amounts=_amounts(one, other),
        templates=list(_templates(one, other)),
        left_config=one.config.number if one.config else None,
        right_config=other.config.number if other.config else None,
    )


def _env(config: ConfigVersion | None) -> list[dict[str, str]]:
    return config.env if config else []


def _line(line: ConfigLine) -> Unlike:
    one, other = line.cells
    # What was saved past the checks that keep secrets out is not told here either.
    is_hidden = any(not cell.is_reference and is_secret(line.name, cell.text) for cell in line.cells)
    texts = ("", "") if is_hidden else (one.text, other.text)
    return Unlike(line.name, *texts, is_hidden=is_hidden, is_set_left=one.is_set, is_set_right=other.is_set)


def _amounts(one: Snapshot, other: Snapshot) -> list[Unlike]:
    """Of the allocations and of the scaling rules."""
    changes = allocation_changes(one.allocation, other.allocation)
    found = [Unlike(change.label, change.before, change.after) for change in changes]
    left, right = one.scaling_rule, other.scaling_rule
    if right is not None:
        found += [Unlike(change.label, change.before, change.after) for change in rule_changes(left, right)]
    elif left is not None:
        found += [Unlike(change.label, change.after, "") for change in rule_changes(None, left)]
    return found


def _templates(one: Snapshot, other: Snapshot) -> Iterator[TemplatePair]:
    for name in ("deployment_template", "service_template"):
        left, right = getattr(one, name), getattr(other, name)
        if left.pk != right.pk:
            yield TemplatePair(left, right, plain_diff(left.body, right.body))
