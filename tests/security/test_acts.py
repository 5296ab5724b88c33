"""Every operation of the API against everybody: who has not its right is refused, with a body that fits."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import transaction
from rest_framework import serializers

from desk.api_calls.operations import Operation, operations
from environments.access import Rights
from environments.verbs import VERBS, Where
from tests.cast import ROLES, make_world
from tests.security.rights import ALSO, NO_OPERATION, OPERATIONS, OWN
from tests.security.scene import Scene, browse, make_scene

pytestmark = pytest.mark.django_db

RIGHT_OF = {operation: verb for verb, found in OPERATIONS.items() for operation in found}
AMOUNTS = dict.fromkeys(("replicas", "cpu_request", "cpu_limit", "memory_request", "memory_limit"), "1")
BODIES: dict[str, dict[str, Any]] = {
    "orders_create": {"component": "sis-omm/sis-omm-proxy-gw", "branch": "master"},
    "trains_create": {
        "name": "Night",
        "environment": "prd",
        "orders": [{"component": "sis-omm-proxy-gw", "branch": "master"}],
    },
    "components_create": {"project": "sis-omm", "name": "SIS-OMM-NEW"},
    "templates_create": {"project": "sis-omm", "name": "new", "kind": "dockerfile", "body": "FROM x"},
    "component_allocations_save": {"allocations": [{"environment": "prd", **AMOUNTS}]},
    "base_image_archive": {"image": "base/middleware/python 3.11"},
    "toolchain_save": {"jenkins": "main", "registry": "main"},
    "rule_changes_refuse": {"reason": "why"},
    "day_notes_create": {"day": "2026-12-02"},
    "holds_create": {"ends_at": "2026-12-01T08:00:00Z"},
    "schedules_create": {"due_at": "2026-12-01T08:00:00Z"},
    "freezes_create": {"project": "sis-omm", "kind": "weekly", "weekdays": [1], "opens": "09:00", "closes": "10:00"},
    "calendars_create": {"project": "sis-omm", "text": "2026-12-02"},
    "members_create": {"username": "otto", "role": "tester"},
}
"""What the fields' own kinds do not tell."""


@pytest.fixture(scope="module")
def scene(django_db_setup: None, django_db_blocker: Any) -> Iterator[Scene]:
    with django_db_blocker.unblock(), transaction.atomic():
        yield make_scene(make_world())
        transaction.set_rollback(True)


@pytest.mark.security("rights-on-every-way-in")
def test_every_operation_has_a_right() -> None:
    """A new operation is not in the table, and fails here until somebody says whose it is."""
    named = [operation for found in OPERATIONS.values() for operation in found]
    assert len(named) == len(set(named))
    assert set(named) | OWN == set(operations())
    assert set(OPERATIONS) - {""} | set(NO_OPERATION) == set(VERBS)
    assert not set(OPERATIONS) & set(NO_OPERATION)


def sample(name: str, field: Any) -> Any:
    """A value that fits the field, so that nothing but the right can be refused."""
    named = {"environment": "prd", "reason": "why", "username": "otto", "cluster": "main", "jenkins": "main"}
    if name in named:
        return named[name]
    for kind, value in (
        (serializers.BooleanField, True), (serializers.IntegerField, 1), (serializers.DecimalField, "1"),
        (serializers.DictField, {}), (serializers.ListField, []), (serializers.ListSerializer, []),
    ):  # fmt: skip
        if isinstance(field, kind):
            return value
    if isinstance(field, serializers.ChoiceField):
        return next(iter(field.choices))
    return {} if isinstance(field, serializers.BaseSerializer) else "x1"


def body_of(name: str, operation: Operation, scene: Scene) -> str:
    if operation.reads is None:
        return ""
    fields = getattr(operation.reads, "fields", {})
    body = {one: sample(one, field) for one, field in fields.items() if field.required and not field.read_only}
    if "snapshot" in fields:
        body["snapshot"] = scene.snapshot.hash
    if "deployment" in fields:
        body["deployment"] = scene.deployment.pk
    return json.dumps(body | BODIES.get(name, {}))


def path_of(operation: Operation, scene: Scene) -> str:
    template = re.sub(r"\{(\w+)\}", r"<\1>", operation.path).replace("<id>", "<pk>")
    if template.endswith(("/roll-backs/", "/roll-back-reviews/")):
        # What the scene deployed is there.
        template = template.replace("<environment>", "fat")
    return scene.path(template) + ("?project=sis-omm" if "/templates/<" in template else "")


def may(scene: Scene, username: str, verb: str) -> bool:
    """By the table of rights, which has tests of its own; what is somebody's own belongs to who made the scene's."""
    person, world = scene.world.people[username], scene.world
    owners = {"cancel_deployment": world.olli, "withdraw_approval": world.oskar, "lift_hold": world.tess}
    where: dict[str, Any] = {}
    if VERBS[verb].where is not Where.SITE:
        where["owner_id"] = owners.get(verb, world.dana).pk
        where |= (
            {"space": world.spaces["prd"]} if VERBS[verb].where is Where.SPACE else {"project_id": world.project.pk}
        )
    return Rights(person).can(verb, **where)


@pytest.mark.security("rights-on-every-way-in", "skipped-steps")
@pytest.mark.parametrize("username", ["dana", "tess", "olli", "petra", "ada", "uma", "otto"])
def test_who_has_not_the_right_is_refused(scene: Scene, username: str) -> None:
    client, let_in, refused = browse(scene.world, username), [], 0
    in_the_dark: list[tuple[Any, ...]] = []
    is_outsider = not ROLES[username]
    for name, operation in operations().items():
        verb = RIGHT_OF.get(name)
        # A role of a project is one and the same for what belongs to the site: its administrator stands for all.
        is_far = verb and VERBS[verb].where is Where.SITE and username not in ("petra", "uma")
        if not verb or is_far or may(scene, username, verb) or may(scene, username, ALSO.get(name, verb)):
            continue
        body = body_of(name, operation, scene)
        answer = client.generic(operation.method, path_of(operation, scene), body, content_type="application/json")
        refused += 1
        if not is_plain(name, answer, is_outsider=is_outsider):
            let_in.append((name, verb, answer.status_code))
        elif answer.status_code == 403 and not leads_to_why(scene, username, answer):
            in_the_dark.append((name, verb, answer.json().get("explanation")))
    assert let_in == []
    assert in_the_dark == []
    assert refused > 5


def is_plain(name: str, answer: Any, *, is_outsider: bool) -> bool:
    """Refused for the right that lacks; to people without access, what belongs to a project is not there."""
    if is_outsider:
        is_not_there = answer.status_code == 400 and "There is no such project" in answer.content.decode()
        return answer.status_code in (403, 404) or is_not_there
    # It tries a template with the components that one may preview with: here with none.
    return answer.status_code == (409 if name == "template_trials_create" else 403)


def leads_to_why(scene: Scene, username: str, answer: Any) -> bool:
    """Refused with the address that says why: of a right that this person lacks, with its place filled in."""
    why = {name: found for name, (found,) in parse_qs(urlsplit(answer.json().get("explanation", "")).query).items()}
    if why.get("verb") not in VERBS or may(scene, username, why["verb"]):
        return False
    return VERBS[why["verb"]].where is Where.SITE or bool({"project", "space"} & set(why))
