"""What workers wrote down is said in the reader's language, on pages and over the API."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from html import unescape
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.utils.translation import override

from components.models import ImageRegistry, Preview, ServerTest
from deployer.errors import Problem, Rejected
from deployer.messages import message as engine_message
from environments.models import ClusterTest, SpaceSync
from foundation.messages import as_message, message
from foundation.runs.choices import RunState
from releases import transitions
from releases.choices import Reason
from releases.events import append_event
from releases.locks import lock_placement
from releases.models import Build, Deployment, Placement, ReleaseOrder, Review
from releases.placing import create_deployment
from releases.services.reviews import request_review
from tests.cast import World
from tests.releases.rows import build, make_built, make_component, make_order, make_review, make_success

pytestmark = pytest.mark.django_db
FAILED = RunState.FAILED
LANGUAGES = ("en", "zh-hans")


def in_language(message: Any, language: str) -> str:
    with override(language):
        return str(as_message(message))


@dataclass(frozen=True)
class Stored:
    """Where a message stands: a page, an address of the API, or both."""

    message: Any
    page: str = ""
    api: str = ""


# ---------------------------------------------------------------- what workers leave behind
def failed_build(world: World) -> Stored:
    order = make_order(make_component(world), world.dana)
    row = build(order)
    said = message("Commit %(commit)s is not on branch %(branch)s any more.", commit="c0ffee1", branch="master")
    with transaction.atomic():
        transitions.end_run(row, FAILED, actor=None, reason=Reason.REFUSED, message=said, data={"message": said})
    return Stored(said, f"/orders/{order.number}/?panel=build", f"/api/v1/orders/{order.number}/builds/")


def event(world: World) -> Stored:
    stored = failed_build(world)
    number = Build.objects.get().order.number
    return Stored(stored.message, f"/orders/{number}/", f"/api/v1/orders/{number}/events/")


def failed_review(world: World) -> Stored:
    order = make_built(make_component(world), world.dana)
    # As the render host hands it over: a problem inside a refusal.
    error = Rejected(
        engine_message("Template %(name)s, line %(line)s: %(why)s", name="a.yaml", line=3, why=_recursive()),
        problems=(Problem("a.yaml:3", _recursive()),),
    )
    with transaction.atomic():
        row = request_review(order, world.spaces["fat"], actor=None)
        findings = {"problems": [{"path": one.path, "message": one.message} for one in error.problems]}
        transitions.end_run(row, FAILED, actor=None, reason=Reason.TEMPLATE, message=error.message, findings=findings)
    return Stored(
        error.message, f"/orders/{order.number}/review/fat/", f"/api/v1/orders/{order.number}/reviews/{row.pk}/"
    )


def finding(world: World) -> Stored:
    stored = failed_review(world)
    return Stored(_recursive(), stored.page, stored.api)


def _recursive() -> Any:
    return engine_message("Recursive loops are not allowed.")


def refused_deployment(world: World) -> Stored:
    order = make_built(make_component(world), world.dana)
    said = message("%(who)s may no longer deploy to %(name)s.", who=world.olli.localized_name, name="FAT")
    row = _ended(world, order, reason=Reason.GATE, message=said)
    return Stored(said, f"/deployments/{row.pk}/", f"/api/v1/deployments/{row.pk}/")


def superseded_deployment(world: World) -> Stored:
    order = make_built(make_component(world), world.dana)
    said = engine_message("Deployment %(number)s took its place.", number="8")
    row = _ended(world, order, reason=Reason.SUPERSEDED, message=said)
    return Stored(said, f"/deployments/{row.pk}/", f"/api/v1/deployments/{row.pk}/")


def _ended(world: World, order: ReleaseOrder, **fields: Any) -> Deployment:
    space = world.spaces["fat"]
    review = make_review(order, space)
    with transaction.atomic():
        place = lock_placement(order, space)
        row = create_deployment(order, space, place, actor=world.olli, snapshot=review.snapshot, review=review)
        reason = fields.pop("reason")
        transitions.end_run(row, FAILED, actor=world.olli, reason=reason, **fields)
    return row


def unsettled_place(world: World) -> Stored:
    order = make_built(make_component(world), world.dana)
    make_success(order, world.spaces["fat"], world.olli, settled=False)
    said = message("Only %(ready)s of %(wanted)s pods are ready.", ready=1, wanted=2)
    Placement.objects.update(unsettled_reason=said)
    return Stored(said, f"/orders/{order.number}/?panel=uat", f"/api/v1/orders/{order.number}/")


def drift(world: World) -> Stored:
    order = make_built(make_component(world), world.dana)
    make_success(order, world.spaces["fat"], world.olli)
    said = message("deleted")
    row = {"object": "Service/x", "path": "", "before": message("present"), "after": said, "manager": "m", "at": ""}
    Placement.objects.update(drift=[row])
    component = order.component
    path = f"{component.project.slug}/{component.slug}/fat/"
    return Stored(
        said, f"/runtime/{path}", f"/api/v1/components/{component.project.slug}/{component.slug}/environments/fat/"
    )


def failed_sync(world: World) -> Stored:
    said = engine_message("The namespace is being deleted: %(words)s", words="gone soon")
    SpaceSync.objects.create(space=world.spaces["fat"], state=FAILED, reason="rejected", message=said)
    return Stored(said, "/spaces/sis-omm/fat/", "/api/v1/projects/sis-omm/spaces/fat/")


def cluster_test(world: World) -> Stored:
    note = engine_message("The cluster's certificate is valid until %(day)s.", day="2030-01-01")
    facts = {"at": "2026-01-01T00:00:00+00:00", "version": "v1.36", "notes": [note], "namespaces": [], "pending": []}
    row = ClusterTest.objects.create(cluster=world.cluster, state=RunState.SUCCEEDED, facts=facts)
    return Stored(note, f"/clusters/main/tests/{row.pk}/", f"/api/v1/clusters/main/tests/{row.pk}/")


def server_test(world: World) -> Stored:
    make_component(world)
    said = engine_message("The registry answers, but it has no %(image)s.", image="site/app:1")
    registry = ImageRegistry.objects.get()
    ServerTest.objects.create(kind="registry", registry=registry, state=FAILED, message=said)
    return Stored(said, f"/servers/registry/{registry.slug}/", f"/api/v1/registries/{registry.slug}/tests/")


def preview(world: World) -> Stored:
    component = make_component(world)
    said = engine_message("This is not valid YAML: %(words)s.", words="did not find expected key")
    results = [{"environment": "fat", "text": "", "problems": [{"path": "x:1", "message": said}]}]
    row = Preview.objects.create(
        component=component, kind="deployment", body="x", requested_by=world.ada, state=FAILED, results=results
    )
    return Stored(said, f"/previews/{row.pk}/", f"/api/v1/previews/{row.pk}/")


MADE: list[Callable[[World], Stored]] = [
    failed_build,
    event,
    failed_review,
    finding,
    refused_deployment,
    superseded_deployment,
    unsettled_place,
    drift,
    failed_sync,
    cluster_test,
    server_test,
    preview,
]


def _sign_in(client: Client, world: World, language: str) -> None:
    person = world.people["ada"]
    person.language = language
    person.save()
    client.force_login(person, backend="accounts.backends.PasswordBackend")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("make", MADE, ids=lambda make: make.__name__)
def test_a_page_says_it_in_the_readers_language(
    client: Client, world: World, make: Callable[[World], Stored], language: str
) -> None:
    stored = make(world)
    _sign_in(client, world, language)
    page = unescape(client.get(stored.page).content.decode())
    said = in_language(stored.message, language)
    assert said != in_language(stored.message, "zh-hans" if language == "en" else "en")
    assert said in page
    assert '"params"' not in page and "Message(" not in page
    if language != "en":
        assert in_language(stored.message, "en") not in page


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("make", MADE, ids=lambda make: make.__name__)
def test_the_api_says_it_in_the_callers_language(
    client: Client, world: World, make: Callable[[World], Stored], language: str
) -> None:
    stored = make(world)
    _sign_in(client, world, "")
    response = client.get(stored.api, headers={"accept-language": language})
    assert response.status_code == 200
    found = list(_texts(response.json()))
    assert in_language(stored.message, language) in found
    assert "params" not in set(_keys(response.json()))


def _nodes(data: Any) -> Any:
    """The value, and all that lies inside it."""
    yield data
    inner = data.values() if isinstance(data, dict) else data if isinstance(data, list) else ()
    for value in inner:
        yield from _nodes(value)


def _texts(data: Any) -> Any:
    return (node for node in _nodes(data) if isinstance(node, str))


def _keys(data: Any) -> Any:
    return (key for node in _nodes(data) if isinstance(node, dict) for key in node)


def test_a_gate_that_closed_names_people_in_the_readers_language(world: World) -> None:
    world.olli.name, world.olli.name_en = "奥力", "Olli"
    world.olli.save()
    stored = refused_deployment(world)
    row = Deployment.objects.get()
    assert in_language(row.message, "en") == "Olli may no longer deploy to FAT."
    assert in_language(row.message, "zh-hans").startswith("奥力")
    assert stored.page


def test_an_event_is_kept_as_plain_data(world: World) -> None:
    stored = failed_build(world)
    order = Build.objects.get().order
    rows = list(order.events.values_list("kind", "data"))
    assert any(
        data.get("message") == {"text": stored.message.text, "params": stored.message.params} for _, data in rows
    )


def test_rows_of_older_versions_stay_readable(client: Client, world: World) -> None:
    order = make_built(make_component(world), world.dana)
    with transaction.atomic():
        row = request_review(order, world.spaces["fat"], actor=None)
        transitions.end_run(row, FAILED, actor=None, reason=Reason.REFUSED, message="make: *** [all] Error 2 (50%)")
        append_event(order.pk, "review.failed", data={"id": row.pk, "environment": "fat", "message": "plain words"})
    Review.objects.filter(pk=row.pk).update(findings={"problems": [{"path": "x", "message": "plain problem"}]})
    for language in LANGUAGES:
        _sign_in(client, world, language)
        page = unescape(client.get(f"/orders/{order.number}/review/fat/").content.decode())
        assert "make: *** [all] Error 2 (50%)" in page and "plain problem" in page
        assert "plain words" in client.get(f"/orders/{order.number}/").content.decode()
