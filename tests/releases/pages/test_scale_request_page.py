"""A scale that needs approval on pages and over the API: asked for without a script, seen at once, decided, used."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from releases.models import Deployment, Placement, ScaleRequest
from tests.cast import World
from tests.releases.pages.test_order import HTMX, words
from tests.releases.test_api import Caller
from tests.releases.test_scale_requests import ask, place, policy

__all__ = ["place"]
SignIn = Callable[[str], Client]
RUNTIME = "/runtime/sis-omm/sis-omm-proxy-gw/prd/"
API = "components/sis-omm/sis-omm-proxy-gw/environments/prd/"


def test_it_is_asked_approved_and_set_on_pages_alone(world: World, place: Placement, signed_in: SignIn) -> None:
    olli, oskar = signed_in("olli"), signed_in("oskar")
    part = olli.get(f"{RUNTIME}scale/?part=preview&replicas=0", **HTMX).content.decode()
    assert "Without an approval: 1–4 pods." in part and f"{RUNTIME}scale/ask/?replicas=0" in part
    assert "Without an approval" not in olli.get(f"{RUNTIME}scale/?part=preview&replicas=2", **HTMX).content.decode()
    answer = olli.post(f"{RUNTIME}scale/", {"replicas": "0"})
    assert answer["Location"] == f"{RUNTIME}scale/ask/?replicas=0"
    form = words(olli.get(answer["Location"]))
    assert "PRD takes 1–4 pods of it" in form and "Oskar, Petra" in form
    empty = olli.post(f"{RUNTIME}scale/ask/", {"replicas": "0", "reason": ""})
    assert empty.status_code == 400 and not ScaleRequest.objects.exists()
    answer = olli.post(f"{RUNTIME}scale/ask/", {"replicas": "0", "reason": "quiet hours"})
    row = ScaleRequest.objects.get()
    url = f"/scale-requests/{row.pk}/"
    assert answer["Location"] == url
    own = words(olli.get(url))
    assert "You asked for it: somebody else approves or rejects it." in own and "0 of 1 approvals" in own
    assert url in olli.get(RUNTIME).content.decode()
    listed = oskar.get("/approvals/")
    assert url in listed.content.decode() and "from 4 to 0 pods" in words(listed)
    assert "to be scaled to 0" in words(oskar.get("/"))
    assert oskar.get("/approvals/?part=count", **HTMX).context["count"] == "1"
    refused = oskar.post(f"{url}decide/", {"decision": "reject", "comment": ""})
    assert refused.status_code == 400 and "Say why" in words(refused)
    assert oskar.post(f"{url}decide/", {"decision": "approve", "comment": "fine"})["Location"] == url
    assert "approved" in words(olli.get(url))
    assert olli.post(f"{RUNTIME}scale/", {"replicas": "0"})["Location"].startswith("/deployments/")
    row.refresh_from_db()
    assert row.state == "used" and f"/deployments/{row.deployment_id}/" in olli.get(url).content.decode()


def test_a_word_is_taken_back_where_it_was_given(world: World, place: Placement, signed_in: SignIn) -> None:
    row = ask(world)
    oskar, url = signed_in("oskar"), f"/scale-requests/{row.pk}/"
    oskar.post(f"{url}decide/", {"decision": "approve", "comment": ""})
    approval = row.approvals.get()
    assert f"/approvals/{approval.pk}/withdraw/" in oskar.get(url).content.decode()
    answer = oskar.post(f"/orders/{row.order.number}/approvals/{approval.pk}/withdraw/")
    assert answer["Location"] == url
    assert oskar.post(f"{url}withdraw/")["Location"] == url
    row.refresh_from_db()
    assert row.state == "withdrawn"


def test_who_may_not_is_told_why_and_whom_to_ask(world: World, place: Placement, signed_in: SignIn) -> None:
    row = ask(world)
    for person in ("dana", "tess", "uma"):
        shown = signed_in(person).get(f"/scale-requests/{row.pk}/")
        assert "/explain/?verb=approve" in shown.content.decode() and "Oskar, Petra" in words(shown)
        form = signed_in(person).get(f"{RUNTIME}scale/ask/?replicas=0")
        assert "You may not do this in PRD." in words(form) and "/explain/?verb=deploy" in form.content.decode()
    assert signed_in("otto").get(f"/scale-requests/{row.pk}/").status_code == 404


def test_the_same_over_the_api(world: World, place: Placement) -> None:
    olli, oskar = Caller(world, "olli"), Caller(world, "oskar")
    seen = olli.get(f"{API}scalings/?replicas=9").json()
    assert (seen["minimum"], seen["maximum"], seen["needs_approval"]) == (1, 4, True)
    refused = olli.post(f"{API}scalings/", {"replicas": 9})
    assert refused.status_code == 409 and refused.json()["type"].endswith("gate-bounds")
    assert refused.json()["who_can_help"] == "Oskar, Petra"
    assert olli.post(f"{API}scale-requests/", {"replicas": 9}).status_code == 400
    made = olli.post(f"{API}scale-requests/", {"replicas": 9, "reason": "year end"})
    assert made.status_code == 201
    row = made.json()
    assert (row["before"], row["replicas"], row["state"], row["asked_by"]) == (4, 9, "waiting", "olli")
    closed = [gate["code"] for gate in row["gates"] if not gate["is_open"]]
    assert closed == ["approved"]
    path = f"scale-requests/{row['id']}/"
    assert olli.post(f"{path}approvals/", {"decision": "approve"}).status_code == 403
    assert oskar.post(f"{path}approvals/", {"decision": "approve"}).status_code == 201
    assert oskar.get(path).json()["state"] == "approved"
    assert [one["id"] for one in oskar.get("scale-requests/?waiting=true").json()["items"]] == [row["id"]]
    done = olli.post(f"{API}scalings/", {"replicas": 9})
    assert done.status_code == 202
    used = olli.get(path).json()
    assert (used["state"], used["deployment"], used["gates"]) == ("used", done.json()["id"], [])
    assert Deployment.objects.latest("pk").overlay == {"replicas": 9}
    other = olli.post(f"{path}withdrawal/")
    assert other.status_code == 409
    assert Caller(world, "otto").get(path).status_code == 404
    assert Caller(world, "olli", ["read"]).post(f"{path}withdrawal/").status_code == 403


@pytest.mark.parametrize("least", ["7", "0"])
def test_the_policy_has_the_bounds(world: World, place: Placement, signed_in: SignIn, least: str) -> None:
    """Higher is stricter and holds at once; lower loosens a rule of production and waits for a second person."""
    petra = signed_in("petra")
    shown = petra.get("/spaces/sis-omm/prd/policy/")
    assert "twice the allocation in production" in words(shown)
    form = {
        name: value for name, value in shown.context["form"].initial.items() if value is not None and value is not False
    }
    answer = petra.post("/spaces/sis-omm/prd/policy/", form | {"scale_minimum": least, "reason": "nights"})
    assert answer.status_code == 302
    space = type(place.space).objects.get(pk=place.space_id)
    assert (space.scale_minimum, space.rule_changes.count()) == ((7, 0) if least == "7" else (None, 1))
    policy(world, scale_minimum=3, scale_maximum=9)
    answer = petra.post(
        "/spaces/sis-omm/prd/policy/", form | {"scale_minimum": "9", "scale_maximum": "3", "version": ""}
    )
    assert answer.status_code == 400 and "not below the lower one" in words(answer)
