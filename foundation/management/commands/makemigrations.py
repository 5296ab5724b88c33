"""Django's makemigrations, with constraints and indexes written into the model that a migration creates.

Django adds each of them by an operation of its own, and ``migrate`` draws up all related models anew for each:
with some hundred of them that takes half of an installation's first start.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.management.commands import makemigrations
from django.db.migrations import AddConstraint, AddField, AddIndex, CreateModel, Migration
from django.db.migrations.operations.base import Operation


class Command(makemigrations.Command):
    """As Django's own."""

    def write_migration_files(self, changes: dict[str, list[Migration]], *args: Any, **options: Any) -> None:
        for migrations in changes.values():
            for migration in migrations:
                # An attribute of each migration, which the stubs hold for the class's.
                setattr(migration, "operations", fold(migration.operations))  # noqa: B010
        super().write_migration_files(changes, *args, **options)


def fold(operations: Sequence[Operation]) -> list[Operation]:
    """The same tables by fewer operations; a model that gets a field later keeps its own, which may name that field."""
    grown = {one.model_name_lower for one in operations if isinstance(one, AddField)}
    whole = {one.name_lower: one for one in operations if isinstance(one, CreateModel) and one.name_lower not in grown}
    kept: list[Operation] = []
    for one in operations:
        model = whole.get(one.model_name_lower) if isinstance(one, AddConstraint | AddIndex) else None
        if model is None:
            kept.append(one)
        elif isinstance(one, AddConstraint):
            model.options.setdefault("constraints", []).append(one.constraint)
        elif isinstance(one, AddIndex):
            model.options.setdefault("indexes", []).append(one.index)
    return kept
