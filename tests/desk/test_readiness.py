"""灾备就绪: what a twin lacks, thing by thing, from healthy answers alone; when it is checked, and who sees it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from audit.models import AuditEvent
from components.models import Allocation, Component, ConfigVersion
from components.selectors import toolchain_of
from deployer.adapters import kubernetes, registry
from deployer.errors import DeployerError, Forbidden, Unavailable
from deployer.interfaces import ImageFacts, Manifest, ObjectRef, QuotaLine
from environments.models import Environment, Space
from foundation.runs.engine import run_step
from releases.models import Readiness, ReleaseOrder, Snapshot
from releases.readiness import CODES, make_all_rows, readiness_of
from releases.steps import readiness as step
from releases.steps.readiness import questions
from tests.cast import World
from tests.desk.test_compare_environments import serve, words
from tests.environments.cluster import take
from tests.releases.pages.test_order import HTMX
from tests.releases.rows import make_built, make_component

SignIn = Callable[[str], Client]
PATH = "/twins/sis-omm/drp/"
API = "/api/v1/projects/sis-omm/spaces/drp/readiness/"
KEY = [{"name": "KEY", "secret": "counter-key", "key": "k"}]


@dataclass
class Outside:
    """The twin's cluster and the registry; whom to be is said by the test."""

    calls: Counter[str] = field(default_factory=Counter)
    images: set[str] = field(default_factory=set)
    objects: set[str] = field(default_factory=set)
    lines: tuple[QuotaLine, ...] = ()
    cluster_error: DeployerError | None = None
    registry_error: DeployerError | None = None
    secret_error: DeployerError | None = None

    def quota(self, namespace: str) -> tuple[QuotaLine, ...]:
        assert namespace == "sis-omm-drp"
        self.calls["quota"] += 1
        if self.cluster_error:
            raise self.cluster_error
        return self.lines

    def limit_ranges(self, namespace: str) -> tuple[Manifest, ...]:
        return ()

    def read_all(self, namespace: str, refs: Sequence[ObjectRef]) -> dict[ObjectRef, Manifest | None]:
        return dict.fromkeys(refs)

    def is_there(self, namespace: str, ref: ObjectRef) -> bool:
        if self.secret_error:
            raise self.secret_error
        return f"{ref.kind} {ref.name}" in self.objects

    def image(self, repository: str, reference: str) -> ImageFacts | None:
        self.calls["image"] += 1
        if self.registry_error:
            raise self.registry_error
        facts = ImageFacts(reference, {}, "", 1, ())
        return facts if f"{repository}@{reference}" in self.images else None


@pytest.fixture
def outside(monkeypatch: pytest.MonkeyPatch) -> Outside:
    found = Outside()
    for module in (kubernetes, registry):
        monkeypatch.setattr(module, "connect", lambda target, on_answer: found)
    return found


@pytest.fixture
def served(world: World, component: Component, outside: Outside) -> ReleaseOrder:
    """What production serves; its image is in the registry."""
    order = make_built(component, world.dana)
    serve(order, world, "prd")
    outside.images.add(f"sis-omm/{component.slug}@{order.image_digest}")
    return order


def needs_key(world: World, component: Component) -> None:
    """In the twin it reads a Secret."""
    ConfigVersion.objects.create(component=component, environment=world.environments["drp"], number=1, env=KEY)


def check(world: World) -> Any:
    """Every pass of one check; what is shown then."""
    row = Readiness.objects.get(space=world.spaces["drp"])
    for _pass in range(20):
        run_step(take("readiness", row.pk))
        row.refresh_from_db()
        if not row.draft:
            break
    return readiness_of([row.space_id])[row.space_id]


def lacks(shown: Any) -> dict[str, tuple[str, str]]:
    return {one.code: (one.state, str(one.message)) for one in shown.lacks}


# ---------------------------------------------------------------- what is asked
def test_a_twin_that_has_everything_is_ready(world: World, served: ReleaseOrder) -> None:
    before = Snapshot.objects.count()
    shown = check(world)
    assert (shown.state, shown.total, shown.waves, shown.lacks) == ("ready", 1, 1, [])
    assert [(one.code, one.ratio) for one in shown.counts] == [(code, "1/1") for code in CODES]
    assert Snapshot.objects.count() == before, "what it would apply is made up and stored nowhere"


def test_each_thing_that_is_missing_is_named_with_what_to_do(
    world: World, served: ReleaseOrder, outside: Outside
) -> None:
    outside.images.clear()
    outside.lines = (QuotaLine("prism4k", "pods", hard=1, used=0),)
    needs_key(world, served.component)
    found = lacks(check(world))
    assert {code: state for code, (state, _text) in found.items()} == dict.fromkeys(
        ("image", "quota", "names"), "missing"
    )
    assert served.image_digest in found["image"][1] and "short by 1 of pods" in found["quota"][1]
    assert "Secret counter-key" in found["names"][1]
    assert all(one.what_to_do for one in readiness_of([world.spaces["drp"].pk])[world.spaces["drp"].pk].lacks)
    outside.objects.add("Secret counter-key")
    outside.lines = (QuotaLine("prism4k", "pods", hard=2, used=0),)
    Readiness.objects.update(asked_at=timezone.now())
    assert set(lacks(check(world))) == {"image"}


def test_what_cannot_be_made_up_is_missing_and_the_rest_not_known(world: World, served: ReleaseOrder) -> None:
    lost = Environment.objects.create(slug="lost", name="lost", position=9)
    Allocation.objects.filter(component=served.component, environment=world.environments["drp"]).update(
        environment=lost
    )
    found = lacks(check(world))
    assert found["snapshot"][0] == "missing" and "no allocation in DRP" in found["snapshot"][1]
    assert (found["quota"][0], found["names"][0]) == ("unknown", "unknown") and "image" not in found


def test_quotas_hold_all_components_together(world: World, served: ReleaseOrder, outside: Outside) -> None:
    other = make_built(make_component(world, "SIS-OMM-ZZ"), world.dana)
    serve(other, world, "prd")
    outside.images.add(f"sis-omm/{other.component.slug}@{other.image_digest}")
    outside.lines = (QuotaLine("prism4k", "pods", hard=3, used=0),)
    shown = check(world)
    assert [(one.component, one.code) for one in shown.lacks] == [(other.component.slug, "quota")], "2 + 2 > 3"
    assert outside.calls["quota"] == 1


@pytest.mark.parametrize(
    ("side", "error", "unknown"),
    [
        ("cluster_error", Unavailable("away"), {"quota"}),
        ("registry_error", Unavailable("away"), {"image"}),
        ("secret_error", Forbidden("no"), {"names"}),
    ],
)
def test_only_a_healthy_answer_is_a_fact(
    world: World, served: ReleaseOrder, outside: Outside, side: str, error: DeployerError, unknown: set[str]
) -> None:
    needs_key(world, served.component)
    outside.objects.add("Secret counter-key")
    setattr(outside, side, error)
    shown = check(world)
    found = lacks(shown)
    silent = unknown | ({"names"} if side == "cluster_error" else set())
    assert shown.state == "unknown" and {code: state for code, (state, _t) in found.items()} == dict.fromkeys(
        silent, "unknown"
    )
    row = Readiness.objects.get(space=world.spaces["drp"])
    assert row.contact_lost_since is None and row.claims == 0, "the next check is not put off"


def test_the_sibling_may_be_gone_with_its_cluster(world: World, served: ReleaseOrder, outside: Outside) -> None:
    """Production's cluster has an address where nothing listens, as have Jenkins and Git: nobody asks there."""
    lost = world.cluster
    here = type(lost).objects.create(slug="here", name="Here", url="http://127.0.0.1:2", token="t")
    Space.objects.filter(environment=world.environments["drp"]).update(cluster=here)
    asked: list[str] = []

    def connect(target: Any, *, on_answer: Any) -> Outside:
        asked.append(target.key)
        return outside

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kubernetes, "connect", connect)
        patch.setattr(registry, "connect", connect)
        assert check(world).state == "ready"
    toolchain = toolchain_of(world.project)
    assert toolchain is not None and set(asked) == {here.remote_key, toolchain.registry.remote_key}


# ---------------------------------------------------------------- when
def test_it_is_checked_by_time_after_a_deployment_and_when_asked(
    world: World, served: ReleaseOrder, outside: Outside
) -> None:
    check(world)
    count = outside.calls["image"]
    check(world)
    assert outside.calls["image"] == count, "nothing has changed"
    serve(make_built(served.component, world.dana), world, "prd")
    assert lacks(check(world))["image"][0] == "missing"
    serve(served, world, "drp")
    check(world)
    Readiness.objects.update(checked_at=timezone.now() - step.EVERY)
    check(world)
    assert outside.calls["image"] == count + 3
    row = Readiness.objects.get(space=world.spaces["drp"])
    assert 0 < (row.next_at - timezone.now()).total_seconds() <= step.NOTICE_SECONDS


def test_a_check_takes_several_passes_and_shows_the_last_whole_one(
    world: World, served: ReleaseOrder, outside: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = make_built(make_component(world, "SIS-OMM-ZZ"), world.dana)
    serve(other, world, "prd")
    monkeypatch.setattr(step, "RESERVE_SECONDS", 1e9)
    row = Readiness.objects.get(space=world.spaces["drp"])
    run_step(take("readiness", row.pk))
    row.refresh_from_db()
    assert row.found == [] and len(row.draft["found"]) == len(row.draft["left"]) == 1
    # A worker that is killed here leaves the draft: the next pass goes on.
    run_step(take("readiness", row.pk))
    row.refresh_from_db()
    assert row.draft == {} and [one["component"] for one in row.found] == [
        served.component.slug, other.component.slug,
    ]  # fmt: skip


def test_every_space_of_a_twin_has_a_row(world: World) -> None:
    assert list(Readiness.objects.values_list("space", flat=True)) == [world.spaces["drp"].pk]
    Readiness.objects.all().delete()
    make_all_rows()
    make_all_rows()
    assert Readiness.objects.count() == 1
    uat = world.environments["uat"]
    uat.twin = world.environments["fat"]
    uat.save()
    assert Readiness.objects.filter(space=world.spaces["uat"]).count() == 1


# ---------------------------------------------------------------- page, API, rights
def test_page_and_api_say_what_is_missing(
    world: World, served: ReleaseOrder, outside: Outside, signed_in: SignIn
) -> None:
    text = words(signed_in("dana").get(PATH))
    assert "not checked yet" in text
    outside.images.clear()
    check(world)
    text = words(signed_in("dana").get(PATH))
    assert "lacks 1" in text and served.image_digest in text and "Copy it there" in text
    assert "lacks 1" in words(signed_in("dana").get("/twins/")) and "0 of 1 project ready" in words(
        signed_in("dana").get("/twins/")
    )
    home, band = words(signed_in("dana").get("/")), words(signed_in("dana").get("/?part=ready", headers=HTMX))
    assert "SIS-OMM PRD → DRP" in home and "Image in the registry" not in home, "home asks for it apart"
    assert "SIS-OMM PRD → DRP" in band and "Image in the registry" in band
    for headers in ({}, HTMX):
        assert "DRP readiness" not in words(signed_in("otto").get("/?part=ready", headers=headers))
    answer: Mapping[str, Any] = signed_in("dana").get(API).json()
    (lack,) = answer["lacks"]
    assert (answer["state"], answer["components"], lack["name"], lack["is_known"]) == ("missing", 1, "image", True)
    assert signed_in("dana").get("/api/v1/twins/").json()["pairs"][0]["readiness"] == "missing"
    assert signed_in("otto").get(API).status_code == 404


def test_asking_is_an_act_of_those_who_may_check(world: World, served: ReleaseOrder, signed_in: SignIn) -> None:
    assert signed_in("uma").post(f"{PATH}readiness/").status_code == 403
    assert signed_in("otto").post(API).status_code == 404
    assert signed_in("olli").post(f"{PATH}readiness/").status_code == 302
    assert signed_in("tess").post(API).status_code == 202
    assert signed_in("olli").post(API.replace("/drp/", "/prd/")).status_code == 409
    assert AuditEvent.objects.filter(verb="readiness.asked", outcome="done").count() == 1, "asked twice, checked once"
    assert "being checked" in words(signed_in("dana").get(PATH))
    assert check(world).state == "ready"
    assert not Readiness.objects.get(space=world.spaces["drp"]).is_asked


def test_the_start_order_is_the_projects(world: World, served: ReleaseOrder, signed_in: SignIn) -> None:
    other = make_component(world, "SIS-OMM-AA")
    page, api = "/projects/sis-omm/start-order/", "/api/v1/projects/sis-omm/start-order/"
    assert signed_in("uma").get(page).status_code == 403 and signed_in("otto").get(page).status_code == 404
    sent = {other.slug: "2", served.component.slug: "1"}
    assert signed_in("olli").post(page, sent).status_code == 302
    assert signed_in("olli").post(page, sent | {other.slug: "21"}).status_code == 400
    bodies = {"component": other.slug, "wave": 21}, {"component": "nobody", "wave": 1}
    for body in bodies:
        answer = signed_in("olli").put(api, {"waves": [body]}, content_type="application/json")
        assert answer.status_code == 400, answer.content
    answer = signed_in("olli").put(
        api, {"waves": [{"component": served.component.slug, "wave": 3}]}, content_type="application/json"
    )
    assert [(one["component"], one["wave"]) for one in answer.json()["items"]] == [
        (other.slug, 2), (served.component.slug, 3),
    ]  # fmt: skip
    event = AuditEvent.objects.filter(verb="save_start_order").latest("pk")
    assert (event.before, event.after) == ({served.component.slug: 1}, {served.component.slug: 3})
    serve(make_built(other, world.dana), world, "prd")
    check(world)
    row = Readiness.objects.get(space=world.spaces["drp"])
    assert [(one["component"], one["wave"]) for one in row.found] == [(other.slug, 2), (served.component.slug, 3)]


def test_pages_cost_the_same_however_many_components(
    world: World, served: ReleaseOrder, outside: Outside, signed_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, counts = signed_in("dana"), []
    monkeypatch.setattr(questions, "render", lambda review: (_ for _ in ()).throw(Unavailable("away")))
    for more in (0, 3):
        for number in range(more):
            serve(make_built(make_component(world, f"SIS-OMM-M{number}"), world.dana), world, "prd")
        check(world)
        for path in ("/?part=ready", "/twins/", PATH):
            client.get(path, headers=HTMX)
        with CaptureQueriesContext(connection) as queries:
            for path in ("/?part=ready", "/twins/", API):
                assert client.get(path, headers=HTMX).status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1]
