"""The templates in ``yaml_templates/`` come with migrate, and what people publish stays on top."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings

from components import shipped
from components.choices import TemplateKind
from components.models import Template, TemplateVersion
from tests.cast import World

NAME = "dockerfile-python"
pytestmark = pytest.mark.django_db


def migrate() -> None:
    shipped.after_migrate(apps.get_app_config("components"))


def bodies(name: str = NAME) -> list[str]:
    return list(TemplateVersion.objects.filter(template__name=name).order_by("number").values_list("body", flat=True))


@pytest.fixture
def another_release(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    (tmp_path / NAME).write_text("FROM another\n")
    monkeypatch.setattr(shipped, "FOLDER", tmp_path)
    return tmp_path


def test_every_shipped_file_is_a_global_template_of_its_kind() -> None:
    found = {template.name: template.kind for template in Template.objects.filter(project=None)}
    files = {file.name for file in (settings.BASE_DIR / "yaml_templates").iterdir()} - {"README.md"}

    assert set(found) == files
    assert found["dockerfile-jdk8-ant"] == TemplateKind.DOCKERFILE
    assert found["bootstart-python.sh"] == TemplateKind.BOOTSTART
    assert found["prism-jdk8-deployment.yaml"] == TemplateKind.DEPLOYMENT
    assert found["prism-python-service.yaml"] == TemplateKind.SERVICE
    assert bodies() == [(settings.BASE_DIR / "yaml_templates" / NAME).read_text()]


def test_the_next_migrate_adds_nothing() -> None:
    before = TemplateVersion.objects.count()
    migrate()
    assert TemplateVersion.objects.count() == before


def test_a_release_with_another_text_publishes_it_after_the_shipped_one(another_release: Path) -> None:
    migrate()
    migrate()
    assert bodies()[1:] == ["FROM another\n"]


def test_a_version_of_peoples_own_stays_the_newest(world: World, another_release: Path) -> None:
    template = Template.objects.get(name=NAME)
    template.versions.create(number=2, body="FROM ours\n", author=world.ada)

    migrate()

    assert bodies()[1:] == ["FROM ours\n"]


def test_an_archived_template_stays_archived() -> None:
    Template.objects.filter(name=NAME).update(is_archived=True)
    migrate()
    assert Template.objects.get(name=NAME).is_archived
