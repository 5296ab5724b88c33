"""Places, clusters, members and people as pages: what is seen, how old it is, what ends soon, whom to ask."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.models import Project
from deployer.interfaces import QuotaLine
from environments.models import Cluster, ClusterTest, Membership, Space, SpaceSync
from environments.selectors.quota import quotas_seen
from environments.services.spaces import record_quota
from foundation.models import Remote
from foundation.runs.choices import RunState
from tests.cast import World, browse


def page(world: World, who: str, path: str, **query: str) -> str:
    return browse(world, who).get(path, query).content.decode()


def line(resource: str, hard: int, used: int) -> dict[str, Any]:
    return {"quota": "prism4k", "resource": resource, "hard": hard, "used": used}


def synced(space: Space, *lines: dict[str, Any]) -> None:
    wanted = {"namespace": space.namespace, "cluster": space.cluster_id}
    SpaceSync.objects.create(
        space=space, state=RunState.SUCCEEDED, wanted=wanted, next_at=timezone.now(),
        seen={"applied": wanted, "at": timezone.now().isoformat(), "quota": list(lines)},
    )  # fmt: skip


def certificate(days: int) -> str:
    """A certificate of our own that ends so many days from now."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "cluster.sis.example")])
    begin = datetime.now(UTC) - timedelta(days=400)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(1).not_valid_before(begin)
    made = made.not_valid_after(datetime.now(UTC) + timedelta(days=days, hours=1))
    return made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


# ---------------------------------------------------------------- environments and spaces
def test_every_space_of_the_table_shows_the_same_lines_of_quota(world: World) -> None:
    synced(
        world.spaces["prd"], line("limits.cpu", 8000, 7500), line("pods", 20, 2), line("limits.memory", 2**34, 2**33)
    )
    synced(world.spaces["uat"], line("requests.cpu", 8000, 7999), line("services", 3, 3), line("pods", 20, 19))
    synced(world.spaces["fat"], line("pods", 9, 3), {**line("pods", 4, 3), "quota": "teams"}, line("limits.cpu", 8, 0))
    browser = Client()
    browser.force_login(world.dana)
    (row,) = browser.get("/environments/").context["table"].rows
    fat, uat, prd, _drp = ([(bar.resource, bar.hard) for bar in cell.bars] for cell in row.cells)
    assert fat == [("pods", "4"), ("limits.cpu", "0.008")], "of two quotas the fuller one"
    assert uat == [("pods", "20"), ("services", "3")], "what is full stands there too"
    assert prd == [("pods", "20"), ("limits.cpu", "8"), ("limits.memory", "16")]
    shown = page(world, "dana", "/environments/")
    assert shown.index(world.spaces["prd"].cluster.name) < shown.index(world.spaces["prd"].namespace), "the name leads"
    space = page(world, "dana", "/spaces/sis-omm/prd/")
    assert "7.5 of 8 used, 0.5 free" in space and "2 of 20 used, 18 free" in space


def test_the_latest_read_counts_in_any_order_of_writes(world: World) -> None:
    space = world.spaces["prd"]
    synced(space, line("pods", 20, 2))
    now = timezone.now()
    record_quota(space, [QuotaLine("prism4k", "pods", 20, 7)], at=now)
    record_quota(space, [QuotaLine("prism4k", "pods", 20, 5)], at=now - timedelta(seconds=30))
    (seen,) = quotas_seen([space]).values()
    assert seen and [bar.used for bar in seen.bars] == ["7"] and seen.at == now
    assert "7 / 20" in page(world, "dana", "/environments/")


def test_an_observation_of_another_place_does_not_count(world: World) -> None:
    space = world.spaces["prd"]
    synced(space, line("pods", 20, 2))
    Space.objects.filter(pk=space.pk).update(namespace="moved")
    space.refresh_from_db()
    assert quotas_seen([space]) == {space.pk: None}
    assert "The quota was not read yet." in page(world, "dana", "/spaces/sis-omm/prd/")


def test_the_table_is_searched_and_cut(world: World, django_assert_max_num_queries: DjangoAssertNumQueries) -> None:
    for number in range(60):
        project = Project.objects.create(
            organisation=world.organisation, slug=f"p{number:02}", name="项目", name_en="P"
        )
        Space.objects.create(
            project=project, environment=world.environments["fat"], cluster=world.cluster, namespace=f"p{number:02}-fat"
        )
    client = browse(world, "ada")
    client.get("/environments/")
    with django_assert_max_num_queries(22):
        first = client.get("/environments/")
    assert len(first.context["table"].rows) == 50 and first.context["table"].more == "p50"
    second = client.get("/environments/", {"start": "p50"})
    assert [row.project.slug for row in second.context["table"].rows][-1] == "sis-omm"
    found = client.get("/environments/", {"search": "p07"}).context["table"].rows
    assert [row.project.slug for row in found] == ["p07"]
    assert "No project fits the filter" in page(world, "ada", "/environments/", search="nothing")


def test_a_narrow_screen_has_the_flow_in_steps(world: World) -> None:
    steps = browse(world, "dana").get("/environments/").context["steps"]
    assert [[one.slug for one in step] for step in steps] == [["fat"], ["uat"], ["prd", "drp"]]


def test_who_may_not_change_a_policy_is_told_whom_to_ask(world: World) -> None:
    shown = page(world, "dana", "/spaces/sis-omm/prd/")
    assert "Who can change it: Petra" in shown and "/spaces/sis-omm/prd/policy/" not in shown
    assert "/spaces/sis-omm/prd/policy/" in page(world, "petra", "/spaces/sis-omm/prd/")
    assert "Never" in shown or "never" in shown, "approvals that do not expire say so"


def test_a_form_that_was_overtaken_keeps_its_text_and_may_save_anyway(world: World) -> None:
    petra = browse(world, "petra")
    form = petra.get("/spaces/sis-omm/uat/policy/").context["form"]
    sent = {name: form[name].value() for name in form.fields}
    sent = {name: value for name, value in sent.items() if value is not False and value is not None} | {
        "settle_seconds": "44"
    }
    Space.objects.get(environment__slug="uat").save()
    answer = petra.post("/spaces/sis-omm/uat/policy/", sent)
    assert answer.status_code == 409, answer.context["form"].errors
    assert 'value="44"' in answer.content.decode()
    sent["version"] = answer.context["form"]["version"].value()
    assert petra.post("/spaces/sis-omm/uat/policy/", sent).status_code == 302
    assert Space.objects.get(environment__slug="uat").settle_seconds == 44


# ---------------------------------------------------------------- clusters
@pytest.mark.parametrize(("days", "said"), [(20, "20 days left"), (-3, "expired"), (300, "")])
def test_certificates_say_when_they_end(world: World, days: int, said: str) -> None:
    Cluster.objects.update(ca_pem=certificate(days))
    for path in ("/clusters/", "/clusters/main/"):
        shown = page(world, "uma", path)
        until = timezone.localtime(datetime.now(UTC) + timedelta(days=days, hours=1))
        assert f"until {until:%Y-%m-%d}" in shown
        assert said in shown and ("days left" in shown) == ("days left" in said)


def test_a_cluster_that_is_away_says_since_when_and_why(world: World) -> None:
    name = world.cluster.remote_key
    Remote.objects.create(name=name, opened_at=timezone.now() - timedelta(minutes=7), last_error="Connection refused.")
    shown = page(world, "uma", "/clusters/main/")
    assert "It has not answered since 7 minutes ago." in shown and "Connection refused." in shown
    assert "no answer since 7 minutes ago" in page(world, "uma", "/clusters/")


def test_every_right_that_was_asked_for_stands_with_its_answer(world: World) -> None:
    asked = [("deployments", "get", True), ("deployments", "patch", False), ("pods", "list", True)]
    place = {
        "namespace": "sis-omm-fat",
        "permissions": [{"resource": resource, "verb": verb, "is_allowed": yes} for resource, verb, yes in asked],
    }
    facts = {"version": "v1.34", "user": "prism4k", "latency_ms": 12, "namespaces": [place], "pending": []}
    ClusterTest.objects.create(
        cluster=world.cluster, state=RunState.SUCCEEDED, facts=facts, next_at=timezone.now(), finished_at=timezone.now()
    )
    shown = page(world, "uma", "/clusters/main/")
    assert "rights are missing" in shown and "12 ms" in shown
    assert shown.count("granted") == 2 and shown.count("> missing<") == 1
    assert "1 right is missing" in page(world, "uma", "/clusters/")


def test_a_test_is_started_in_place(world: World) -> None:
    part = browse(world, "ada").post("/clusters/main/tests/", headers={"HX-Request": "true"})
    assert part.status_code == 200
    assert "<html" not in part.content.decode() and 'hx-trigger="every 1s"' in part.content.decode()


def test_a_stored_credential_says_that_it_is_kept(world: World) -> None:
    shown = page(world, "ada", "/clusters/main/edit/")
    assert shown.count("kept; type to replace") == 1, "the token; there is no key"
    assert "kept; type to replace" not in page(world, "ada", "/clusters/new/")


# ---------------------------------------------------------------- members and people
def test_what_ends_soon_is_marked(world: World) -> None:
    now = timezone.now()
    for who, days in (("dana", 3), ("dave", 40)):
        Membership.objects.create(
            user=world.people[who], role="grant", project=world.project, environment=world.environments["fat"],
            ends_at=now + timedelta(days=days, hours=1), granted_by=world.petra, reason="night shift",
        )  # fmt: skip
    Membership.objects.create(
        user=world.tess, role="operations", project=world.project, starts_at=now + timedelta(days=2)
    )
    shown = page(world, "dana", "/projects/sis-omm/")
    assert shown.count("3 days left") == 1 and "40 days left" not in shown
    assert "night shift" in shown and f"from {timezone.localtime(now + timedelta(days=2)):%Y-%m-%d}" in shown
    assert "Who can change it: Petra" in shown


def test_a_refused_grant_keeps_what_was_typed(world: World) -> None:
    body = {"username": "dana", "role": "grant", "environment": "prd", "ends_at": "2099-07-01T12:00", "reason": "kept"}
    answer = browse(world, "petra").post("/projects/sis-omm/members/", body)
    assert answer.status_code == 409
    assert answer.context["form"]["reason"].value() == "kept"
    assert "operations only" in answer.content.decode()


def test_people_are_found_and_keep_their_filter_on_the_next_page(world: World) -> None:
    shown = browse(world, "ada").get("/people/", {"q": "da"})
    assert {person.username for person, _roles in shown.context["rows"]} == {"dana", "dave", "ada"}
    assert shown.context["query"] == "q=da"
    assert "Nobody fits the filter" in page(world, "ada", "/people/", q="nobody-at-all")


def test_projects_are_found_by_either_name(world: World) -> None:
    for text in ("sis-omm", "网上", "online"):
        assert "SIS-OMM" in page(world, "dana", "/projects/", search=text)
    assert "No project fits the filter" in page(world, "dana", "/projects/", search="nothing")


def test_a_cluster_without_encryption_is_not_called_verified(world: World) -> None:
    Cluster.objects.filter(pk=world.cluster.pk).update(url="HTTP://10.0.0.1:8080", verify_tls=True)
    content = page(world, "ada", f"/clusters/{world.cluster.slug}/")
    said = content.partition("Certificate</dt>")[2].partition("</dd>")[0]
    assert "not encrypted" in said and "tone-blocked" in said and "verified" not in said
    assert "not encrypted" in page(world, "ada", "/clusters/")
