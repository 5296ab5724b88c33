"""The API is what its document says: to any input, from anybody, the answer is one that the operation documents.

Values are made by schemathesis from the document itself: those that fit it and those that do not, two thirds of them
sent to something that is there. The product is called in this process; what a call did is undone before the next.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from datetime import timedelta
from itertools import cycle
from typing import Any

import pytest
import schemathesis
from django.core.wsgi import get_wsgi_application
from django.db import transaction
from django.test import Client
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.config import SchemathesisConfig
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.generation.modes import GenerationMode
from schemathesis.specs.openapi import checks

from accounts.choices import Scope
from accounts.services import create_token
from tests.cast import make_world
from tests.security.scene import Scene, make_scene, routes

pytestmark = [pytest.mark.django_db, pytest.mark.security("unexpected-input"), pytest.mark.timeout(1800)]

FIVE = ("dana", "tess", "olli", "uma", "ada")
"""Developer, tester, operations, auditor, platform administrator: the n-th example of an operation is the n-th's."""
IS_FULL = bool(os.environ.get("FULL"))
EXAMPLES = 30 if IS_FULL else 5
"""An operation. Five take half a minute of a core, all of them together."""
SHARES = 5
"""Tests that share the operations, so that workers do."""
CHECKS = [
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.negative_data_rejection,
]
"""What fits the document is refused rightly where it names what is not there: that it is taken is not asked."""
REFUSALS = ["400", "401", "403", "404", "405", "409", "413", "415", "422", "429", "503"]
AWAY = {"git-away"}
"""Codes of 503 that are right here: nothing outside runs."""


@pytest.fixture(scope="module")
def scene(django_db_setup: None, django_db_blocker: Any) -> Iterator[Scene]:
    """Made once: each call is undone."""
    with django_db_blocker.unblock(), transaction.atomic():
        yield make_scene(make_world())
        transaction.set_rollback(True)


@pytest.fixture(scope="module")
def tokens(scene: Scene) -> list[str]:
    """Of the five, with every scope."""
    people = [scene.world.people[name] for name in FIVE]
    every, day = list(Scope.values), timedelta(days=1)
    return [create_token(actor=one, name="all", scopes=every, lifetime=day)[1] for one in people]


@pytest.fixture(scope="module")
def operations(scene: Scene) -> list[Any]:
    """All of the document."""
    rules = {"checks": {"negative_data_rejection": {"expected-statuses": REFUSALS}}}
    document = schemathesis.openapi.from_wsgi(
        "/api/schema/?format=json", get_wsgi_application(), config=SchemathesisConfig.from_dict(rules)
    )
    return [found.ok() for found in document.get_all_operations()]


@pytest.mark.parametrize("share", range(SHARES))
def test_every_answer_is_documented(scene: Scene, tokens: list[str], operations: list[Any], share: int) -> None:
    found: dict[str, str] = {}
    for operation in operations[share::SHARES]:
        send(operation, scene, tokens, found)
    assert len(operations) > 150
    assert not found, "\n\n".join(found.values())


def test_a_parameter_of_few_words_refuses_every_other_word(
    scene: Scene, tokens: list[str], operations: list[Any]
) -> None:
    tried, taken = 0, []
    for operation in operations:
        for name, words in choices(operation).items():
            tried += 1
            address = operation.path.format(**there_is(operation, scene)) + f"?{name}=no-{words[0]}"
            given = [Client().get(address, headers={"Authorization": f"Token {token}"}).status_code for token in tokens]
            if not set(given) <= {400, 403, 404} or 400 not in given:
                taken.append(f"{address}: {given}")
    assert tried > 10 and not taken, "\n".join(taken)


def choices(operation: Any) -> dict[str, list[Any]]:
    """The parameters of its address that take one of a few words, with those words."""
    found = [one.definition for one in operation.query] if operation.method.upper() == "GET" else []
    return {one["name"]: one["schema"]["enum"] for one in found if "enum" in one.get("schema", {})}


def send(operation: Any, scene: Scene, tokens: list[str], found: dict[str, str]) -> None:
    """An operation's examples; what goes wrong is noted, once for each kind of it."""
    senders = cycle(tokens)

    @settings(
        max_examples=EXAMPLES, derandomize=True, database=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck), deadline=None,
    )  # fmt: skip
    @given(case=examples(operation, scene))
    def each(case: Any) -> None:
        with transaction.atomic():
            for wrong in faults(case, next(senders)):
                found.setdefault(f"{operation.label} {wrong}"[:80], f"{wrong}\n{case.as_curl_command()}")
            transaction.set_rollback(True)

    each()


def faults(case: Any, token: str) -> list[str]:
    """What is wrong with the answer."""
    answer = case.call(headers={"Authorization": f"Token {token}"})
    if answer.status_code >= 500 and not (answer.status_code == 503 and answer.json()["code"] in AWAY):
        return [f"{case.operation.label}: {answer.status_code} {answer.text[:500]}"]
    try:
        case.validate_response(answer, checks=CHECKS)
    except FailureGroup as group:
        return [f"{case.operation.label}: {one}\n{answer.text[:300]}" for one in group.exceptions]
    except Failure as one:
        return [f"{case.operation.label}: {one}\n{answer.text[:300]}"]
    return []


def examples(operation: Any, scene: Scene) -> Any:
    """Of what fits and of what does not, at an address that is there; and of what fits anywhere."""
    there = there_is(operation, scene)
    fits = operation.as_strategy(GenerationMode.POSITIVE, path_parameters=there)
    odd = operation.as_strategy(GenerationMode.NEGATIVE, path_parameters=there)
    names = known_names(scene)
    named = st.tuples(fits, st.sets(st.sampled_from(sorted(names)))).map(lambda drawn: with_names(*drawn, names))
    return st.one_of(named, odd, operation.as_strategy(GenerationMode.POSITIVE))


def there_is(operation: Any, scene: Scene) -> dict[str, str]:
    """The parts of its address that lead to something."""
    bare = re.sub(r"{\w+}", "{}", operation.path)
    (route,) = [one for one in routes() if re.sub(r"<(\w+:)?\w+>", "{}", one.template) == bare]
    pairs = zip(operation.path.split("/"), scene.path(route.template).split("/"), strict=True)
    return {part[1:-1]: value for part, value in pairs if part.startswith("{")}


def known_names(scene: Scene) -> dict[str, Any]:
    """Values that a body may have by the names of its fields: what the document calls a text names something here."""
    return {
        "environment": "prd", "project": "sis-omm", "organisation": "sis", "cluster": "main", "username": "dave",
        "component": scene.order.component.slug, "snapshot": scene.snapshot.hash, "role": "tester",
        "deployment": scene.deployment.pk, "branch": "master", "reason": "because", "commit": "", "git_tag": "",
        "slug": "new", "name": "new", "name_en": "New", "key": "new", "url": "http://127.0.0.1:9", "body": "FROM x",
    }  # fmt: skip


def with_names(case: Any, chosen: set[str], names: dict[str, Any]) -> Any:
    """The same case, with some of the names in its body."""
    if isinstance(case.body, dict):
        for name in chosen & case.body.keys():
            case.body[name] = names[name]
    return case
