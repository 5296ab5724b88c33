"""What a template may be saved with: told at its line, before anybody builds with it."""

from __future__ import annotations

import pytest

from components.selectors import find_template, latest_version, list_templates
from components.services import create_template, publish_version
from foundation.problems import Invalid
from tests.components.conftest import Shop

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("kind", "body", "words"),
    [
        ("dockerfile", "FROM x\nCMD [“sh”]\n", "Line 2"),
        ("dockerfile", "FROM　x\n", "a space"),
        ("dockerfile", "FROM x\n{# why #}\n", "begin the line with #"),
        ("dockerfile", "FROM x\nCOPY\u200b a b\n", "U+200B"),
        ("bootstart", "a=1；b=2\n", "only looks like ;"),
        ("bootstart", "docker ps -f '{{ .Names }}'\n", "{% raw %}"),
        ("deployment", "name: {{ .Values.name }}\n", "Helm template"),
        ("deployment", "{{- if .Values.on }}\na: 1\n{{- end }}\n", "Helm template"),
        ("service", "a: |\n  echo ${#}\n", "begins a comment"),
        ("deployment", "a: \u202ex\n", "U+202E"),
    ],
)
def test_what_would_fail_later_is_refused_at_its_line(shop: Shop, kind: str, body: str, words: str) -> None:
    with pytest.raises(Invalid) as caught:
        create_template(actor=shop.world.ada, kind=kind, name="new.txt", body=body)
    assert words in str(caught.value.fields["body"][0])
    template = next(one for one in shop.templates.values() if one.kind == kind)
    with pytest.raises(Invalid):
        publish_version(actor=shop.world.ada, template=template, body=body)


def test_a_byte_order_mark_and_line_ends_of_windows_are_taken_away(shop: Shop) -> None:
    template = create_template(actor=shop.world.ada, kind="dockerfile", name="d", body="\ufeffFROM x\r\nUSER 1\r\n")
    version = latest_version(template)
    assert version is not None
    assert version.body == "FROM x\nUSER 1\n"


@pytest.mark.parametrize("body", ["echo ${#}\necho kept\necho ${#}\n", "n=${#arr[@]}\n", 'echo "启动“理财”"\n'])
def test_a_script_is_kept_as_it_is(shop: Shop, body: str) -> None:
    template = create_template(actor=shop.world.ada, kind="bootstart", name="start.sh", body=body)
    version = latest_version(template)
    assert version is not None
    assert version.body == body


@pytest.mark.parametrize("name", ["ada", "uma", "petra"])
def test_a_projects_template_is_seen_by_members_and_by_who_sees_everything(shop: Shop, name: str) -> None:
    world = shop.world
    made = create_template(
        actor=world.petra, kind="dockerfile", name="of-it.txt", body="FROM x\n", project=world.project
    )
    user = world.people[name]
    assert made in list_templates(user)
    assert made in list_templates(user, project=world.project)
    assert find_template(user, "of-it.txt", project_slug=world.project.slug) == made


def test_people_without_access_see_no_template_of_a_project(shop: Shop) -> None:
    world = shop.world
    made = create_template(actor=world.petra, kind="dockerfile", name="o.txt", body="FROM x\n", project=world.project)
    assert made not in list_templates(world.otto)
