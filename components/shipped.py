"""The templates that the product brings: global templates of the files in ``yaml_templates/``, after each migrate."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connections, transaction

from components.choices import TemplateKind

FOLDER = Path(settings.BASE_DIR) / "yaml_templates"
NOTE = "shipped"


def kind_of(name: str) -> TemplateKind | None:
    """By the file's name; None for a file that is no template."""
    if name.endswith((".yaml", ".yml")):
        kinds = {"deployment": TemplateKind.DEPLOYMENT, "service": TemplateKind.SERVICE}
        return kinds.get(name.rpartition(".")[0].rpartition("-")[2])
    kinds = {"dockerfile": TemplateKind.DOCKERFILE, "bootstart": TemplateKind.BOOTSTART}
    return kinds.get(name.partition("-")[0])


def after_migrate(sender: Any, using: str = "default", **_: Any) -> None:
    """Receiver of post_migrate: publishes what is shipped, once the tables exist."""
    versions = sender.get_model("TemplateVersion")
    if versions._meta.db_table in connections[using].introspection.table_names():
        with transaction.atomic(using=using):
            for file in sorted(FOLDER.iterdir()):
                if kind := kind_of(file.name):
                    _publish(sender, using, file, kind)


def _publish(sender: Any, using: str, file: Path, kind: TemplateKind) -> None:
    """A version of the file's text, unless it is the newest already or people have published one of their own."""
    templates = sender.get_model("Template")._default_manager.using(using)
    template, _is_new = templates.get_or_create(name=file.name, project=None, defaults={"kind": kind})
    versions = sender.get_model("TemplateVersion")._default_manager.using(using)
    newest = versions.filter(template=template).order_by("-number").first()
    body = file.read_text(encoding="utf-8")
    if newest is None or (newest.author_id is None and newest.note == NOTE and newest.body != body):
        versions.create(template=template, number=newest.number + 1 if newest else 1, body=body, note=NOTE)
