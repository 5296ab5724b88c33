"""The permission explainer as page and API: one answer, nothing that the viewer may not see, reached from refusals."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client

from accounts.models import Organisation, Project, User
from accounts.services import create_token
from components.models import Component
from environments.access import can
from environments.models import Membership
from environments.verb_words import ACTS
from environments.verbs import VERBS, Where
from releases import gates
from releases.choices import ApprovalState
from releases.models import Approval, Promotion
from tests.cast import World
from tests.releases.rows import make_built, make_order, make_review

pytestmark = pytest.mark.django_db
API = "/api/v1/explanations/"
SignIn = Callable[[str], Client]


def ask(client: Client, status: int = 200, **given: str) -> dict[str, Any]:
    answer = client.get(API, given)
    assert answer.status_code == status, answer.content
    found: dict[str, Any] = answer.json()
    return found


def words(response: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


# ---------------------------------------------------------------- the answer
@pytest.mark.parametrize("name", ["dana", "tess", "olli", "petra", "ada", "uma"])
def test_api_and_page_say_what_the_table_says(world: World, signed_in: SignIn, name: str) -> None:
    client, person = signed_in(name), world.people[name]
    for verb in ("see", "create_order", "deploy", "promote", "approve", "manage_members", "manage_people"):
        place = {"space": "sis-omm/prd"} if VERBS[verb].where is not Where.SITE else {}
        expected = can(person, verb, space=world.spaces["prd"])
        found = ask(client, verb=verb, **place)
        assert found["may"] is expected and found["username"] == name, verb
        page = client.get("/explain/", {"verb": verb, **place})
        assert page.status_code == 200 and found["detail"] in words(page).replace("&#x27;", "'"), verb
        assert page["Cache-Control"] == "no-store"


def test_the_answer_names_memberships_roles_people_and_who_gives_the_role(world: World, signed_in: SignIn) -> None:
    found = ask(signed_in("dana"), verb="deploy", space="sis-omm/prd")
    assert found["code"] == "other-role" and "developer" in found["detail"]
    assert found["roles"] == ["operations"]
    assert [one["name"] for one in found["people_who_may"]] == ["Olli", "Oskar"]
    assert found["administrators"] == ["Petra"]
    (own,) = found["memberships"]
    assert (own["role"], own["counts"], own["reason"], own["until"]) == ("developer", False, "cast", None)
    assert own["since"] and own["why"]


def test_the_viewer_is_among_those_who_can_help(world: World, signed_in: SignIn) -> None:
    found = ask(signed_in("olli"), verb="deploy", space="sis-omm/prd")
    assert found["may"] and "Olli" in [one["name"] for one in found["people_who_may"]]
    assert "you" in words(signed_in("olli").get("/explain/?verb=deploy&space=sis-omm/prd"))


def test_the_form_alone_asks_nothing_and_keeps_what_was_chosen(world: World, signed_in: SignIn) -> None:
    page = signed_in("dana").get("/explain/")
    assert page.status_code == 200 and "Why may I, or why not?" in words(page)
    chosen = signed_in("dana").get("/explain/?verb=deploy&place=sis-omm/uat").content.decode()
    assert '<option value="deploy" selected>' in chosen and '<option value="sis-omm/uat" selected>' in chosen
    assert "/api/v1/explanations/?verb=deploy&amp;space=sis-omm%2Fuat" in chosen


def test_in_chinese(world: World, signed_in: SignIn) -> None:
    User.objects.filter(username="dana").update(language="zh-hans")
    page = words(signed_in("dana").get("/explain/?verb=deploy&space=sis-omm/prd"))
    assert "权限说明" in page and "may not" not in page and not [str(act) for act in ACTS.values() if act.text in page]


# ---------------------------------------------------------------- an order's gates
def test_with_an_order_the_gates_are_those_of_the_act(world: World, component: Component, signed_in: SignIn) -> None:
    order, prd = make_built(component, world.dana), world.spaces["prd"]
    found = ask(signed_in("olli"), verb="deploy", space="sis-omm/prd", order=order.number)
    same = gates.deployment_gates(order, prd, snapshot=None, deployer=world.olli)
    told = [(one["code"], one["is_open"], one["message"]) for one in found["gates"]]
    assert [(gate.code, gate.is_open, str(gate.message)) for gate in same] == told[-len(same) :]
    assert not found["may"] and found["code"] == f"gate-{next(code for code, is_open, _said in told if not is_open)}"
    page = words(signed_in("olli").get(f"/explain/?verb=deploy&space=sis-omm/prd&order={order.number}"))
    assert "Gates of this order" in page and "It is not promoted to PRD." in page
    assert "has the right to" in page


def test_who_never_may_is_told_of_the_right_and_not_of_four_eyes(
    world: World, component: Component, signed_in: SignIn
) -> None:
    order = make_built(component, world.dana)
    found = ask(signed_in("dana"), verb="deploy", space="sis-omm/prd", order=order.number)
    assert found["code"] == "other-role" and "four-eyes" not in [one["code"] for one in found["gates"]]


def test_the_author_is_an_owner_and_can_help_where_creators_may(
    world: World, component: Component, signed_in: SignIn
) -> None:
    order = make_built(component, world.dana)
    assert ask(signed_in("dana"), verb="promote", space="sis-omm/fat", order=order.number)["may"]
    found = ask(signed_in("olli"), verb="promote", space="sis-omm/fat", order=order.number)
    assert not found["may"] and found["author"] == "Dana"
    assert not ask(signed_in("olli"), verb="promote", space="sis-omm/uat", order=order.number)["author"]


def test_an_approver_who_built_it_is_told_of_four_eyes(world: World, component: Component, signed_in: SignIn) -> None:
    order = make_built(component, world.dana, builder=world.olli)
    make_review(order, world.spaces["prd"])
    asked = {"verb": "approve", "space": "sis-omm/prd", "order": order.number}
    assert ask(signed_in("olli"), **asked)["code"] == "gate-four-eyes"
    assert ask(signed_in("oskar"), **asked)["may"]


def test_whose_approval_and_whose_build(world: World, component: Component, signed_in: SignIn) -> None:
    order, prd = make_built(component, world.dana), world.spaces["prd"]
    snapshot = make_review(order, prd).snapshot
    assert snapshot is not None
    asked = {"verb": "withdraw_approval", "space": "sis-omm/prd", "order": order.number}
    assert ask(signed_in("olli"), **asked)["code"] == "not-own"
    Approval.objects.create(
        snapshot=snapshot, order=order, component=component, space=prd, state=ApprovalState.GIVEN, by=world.olli
    )
    assert ask(signed_in("olli"), **asked)["code"] == "own"
    assert ask(signed_in("oskar"), **asked)["code"] == "not-own"
    built = ask(signed_in("dana"), verb="build", project="sis-omm", order=order.number)
    assert built["code"] == "gate-open" and "never built again" in built["detail"]
    assert ask(signed_in("dana"), verb="build", order=make_order(component, world.dana).number)["may"]


# ---------------------------------------------------------------- nothing that one may not see
def test_a_project_that_one_does_not_see_is_absent(world: World, component: Component, signed_in: SignIn) -> None:
    order = make_built(component, world.dana)
    otto = signed_in("otto")
    for given in ({"project": "sis-omm"}, {"space": "sis-omm/prd"}, {"project": "no-such"}):
        hidden = ask(otto, 404, verb="see", **given)
        assert hidden["detail"] == ask(otto, 404, verb="see", project="nor-this")["detail"]
        page = otto.get("/explain/", {"verb": "see", **given})
        assert page.status_code == 404 and "Olli" not in words(page)
    assert (
        ask(otto, 404, verb="build", order=order.number)["detail"]
        == (ask(otto, 404, verb="build", order="K8S20200101000000AA")["detail"])
    )
    ask(signed_in("dana"), 404, verb="deploy", space="sis-omm/nowhere")


def test_other_people_are_for_who_looks_after_members(world: World, signed_in: SignIn) -> None:
    for name in ("dana", "olli", "tess"):
        refused = ask(signed_in(name), 403, verb="deploy", space="sis-omm/prd", person="oskar")
        absent = ask(signed_in(name), 403, verb="deploy", space="sis-omm/prd", person="no-such-person")
        assert refused["detail"] == absent["detail"] and refused["who_can_help"] == "Petra"
    for name in ("petra", "ada", "uma"):
        assert ask(signed_in(name), verb="deploy", space="sis-omm/prd", person="oskar")["may"]
        ask(signed_in(name), 404, verb="deploy", space="sis-omm/prd", person="no-such-person")
    assert ask(signed_in("dana"), verb="build", project="sis-omm", person="dana")["may"], "oneself by name"
    ask(signed_in("petra"), 403, verb="manage_people", person="ada")
    assert ask(signed_in("uma"), verb="manage_people", person="ada")["may"]
    ask(signed_in("petra"), 403, verb="manage_people", person="no-such-person")


def test_an_administrator_learns_nothing_of_other_projects(world: World, signed_in: SignIn) -> None:
    organisation = Organisation.objects.create(slug="other", name="Other")
    other = Project.objects.create(organisation=organisation, slug="secret", name="Secret")
    Membership.objects.create(user=world.oskar, role="tester", project=other, reason="hidden")
    User.objects.filter(username="dave").update(is_active=False)
    petra = signed_in("petra")
    found = ask(petra, verb="promote", space="sis-omm/prd", person="oskar")
    assert "secret" not in str(found) and "tester" not in [one["role"] for one in found["memberships"]]
    assert ask(petra, verb="build", project="sis-omm", person="dave")["code"] == "deactivated"
    User.objects.filter(username="otto").update(is_active=False)
    ask(petra, 404, verb="build", project="sis-omm", person="otto")


def test_of_people_with_site_roles_others_get_a_few_names(world: World, signed_in: SignIn) -> None:
    for number in range(6):
        person = User.objects.create_user(f"boss{number}", "correct horse battery", name=f"Boss {number}")
        Membership.objects.create(user=person, role="platform_admin", project=None)
    assert len(ask(signed_in("otto"), verb="manage_people")["people_who_may"]) == 3
    assert len(ask(signed_in("uma"), verb="manage_people")["people_who_may"]) == 7


def test_a_token_of_one_project_explains_that_project_alone(world: World) -> None:
    organisation = Organisation.objects.create(slug="other", name="Other")
    other = Project.objects.create(organisation=organisation, slug="second", name="Second")
    _token, key = create_token(
        actor=world.ada, name="bound", scopes=["read"], project=other, lifetime=timedelta(days=1)
    )
    bound = Client(headers={"Authorization": f"Token {key}"})
    ask(bound, 404, verb="see", project="sis-omm")
    assert ask(bound, verb="see", project="second")["may"]
    assert ask(bound, verb="manage_people")["code"] == "token"


# ---------------------------------------------------------------- bad input
@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({}, "verb"),
        ({"verb": "fly"}, "verb"),
        ({"verb": "deploy"}, "space"),
        ({"verb": "deploy", "space": "sis-omm"}, "space"),
        ({"verb": "deploy", "space": "/prd"}, "space"),
        ({"verb": "deploy", "space": "sis-omm/prd", "project": "other"}, "project"),
    ],
)
def test_bad_input_is_a_problem_with_a_message(
    world: World, signed_in: SignIn, given: dict[str, str], field: str
) -> None:
    problem = ask(signed_in("dana"), 400, **given)
    assert problem["code"] == "invalid" and problem["fields"][field]
    if given:
        page = signed_in("dana").get("/explain/", given)
        assert page.status_code == 400 and problem["fields"][field][0] in words(page).replace("&#x27;", "'")


def test_an_order_of_another_project(world: World, component: Component, signed_in: SignIn) -> None:
    order = make_built(component, world.dana)
    organisation = Organisation.objects.create(slug="other", name="Other")
    Project.objects.create(organisation=organisation, slug="second", name="Second")
    assert ask(signed_in("ada"), 400, verb="build", project="second", order=order.number)["fields"]["order"]


def test_nobody_signed_in(world: World, client: Client) -> None:
    assert client.get("/explain/?verb=see").status_code == 302
    assert client.get(API, {"verb": "see"}).status_code == 401


# ---------------------------------------------------------------- reached from refusals
def followed(client: Client, address: str) -> dict[str, Any]:
    """What the explainer answers at an address that a refusal gave."""
    parts = urlsplit(address.replace("&amp;", "&"))
    given = {name: values[0] for name, values in parse_qs(parts.query).items()}
    assert client.get(parts.path, given).status_code == 200
    return ask(client, **given)


def test_a_refused_call_leads_to_its_explanation(world: World, component: Component, signed_in: SignIn) -> None:
    order, dana, olli = make_built(component, world.dana), signed_in("dana"), signed_in("olli")
    path = f"/api/v1/orders/{order.number}/deployments/"
    body = {"environment": "uat"}
    denied = dana.post(path, body, content_type="application/json").json()
    assert denied["status"] == 403
    assert denied["explanation"] == f"{API}?verb=deploy&space=sis-omm%2Fuat"
    assert followed(dana, denied["explanation"])["code"] == "other-role"
    make_review(order, world.spaces["fat"])
    closed = olli.post(path, {"environment": "fat"}, content_type="application/json").json()
    assert closed["status"] == 409 and closed["code"] == "gate-promoted"
    told = followed(olli, closed["explanation"])
    assert told["code"] == "gate-promoted" and told["order"] == order.number
    assert told["detail"].endswith(closed["detail"])


def test_the_refusals_of_an_act_itself_lead_there_too(world: World, component: Component, signed_in: SignIn) -> None:
    order, olli = make_built(component, world.dana, builder=world.olli), signed_in("olli")
    path = f"/api/v1/orders/{order.number}"
    review = make_review(order, world.spaces["prd"])
    assert review.snapshot is not None
    word = {"snapshot": review.snapshot.hash, "decision": "approve", "environment": "prd"}
    eyes = olli.post(f"{path}/approvals/", word, content_type="application/json").json()
    assert eyes["code"] == "four-eyes" and followed(olli, eyes["explanation"])["code"] == "gate-four-eyes"
    again = olli.post(f"{path}/builds/", {}, content_type="application/json").json()
    assert again["code"] == "order-built" and followed(olli, again["explanation"])["code"] == "gate-open"


def test_an_archived_project_is_explained_too(world: World, component: Component, signed_in: SignIn) -> None:
    order = make_built(component, world.dana)
    world.project.is_archived = True
    world.project.save()
    answer = signed_in("dana").post(f"/api/v1/orders/{order.number}/builds/", {}, content_type="application/json")
    assert answer.status_code == 409
    assert followed(signed_in("dana"), answer.json()["explanation"])["code"] == "project-archived"


def test_what_is_absent_has_no_explanation(world: World, component: Component, signed_in: SignIn) -> None:
    order = make_built(component, world.dana)
    answer = signed_in("otto").post(f"/api/v1/orders/{order.number}/builds/", {}, content_type="application/json")
    assert answer.status_code == 404 and "explanation" not in answer.json()


def link_of(page: Any) -> str:
    found = re.findall(r'class="why-link" href="([^"]+)"', page.content.decode())
    assert found, words(page)
    return str(found[0])


def test_refused_pages_and_greyed_buttons_lead_there(world: World, component: Component, signed_in: SignIn) -> None:
    order, dana, tess = make_built(component, world.dana), signed_in("dana"), signed_in("tess")
    refused = dana.get("/spaces/sis-omm/prd/policy/")
    assert refused.status_code == 403 and followed(dana, link_of(refused))["verb"] == "edit_policy"
    panel = followed(tess, link_of(tess.get(f"/orders/{order.number}/?panel=prd")))
    assert panel["order"] == order.number and not panel["may"]
    uat = world.spaces["uat"]
    Promotion.objects.create(order=order, component=component, space=uat, promoted_by=world.tess)
    make_review(order, uat)
    review = dana.get(f"/orders/{order.number}/review/uat/")
    assert followed(dana, link_of(review)) == ask(dana, verb="deploy", space="sis-omm/uat", order=order.number)
    space = dana.get("/spaces/sis-omm/prd/")
    assert followed(dana, link_of(space))["code"] in ("other-role", "no-role")


REFUSING = (
    ("tess", "/components/sis-omm/sis-omm-proxy-gw/edit/", {"edit_component", "edit_allocation"}),
    ("tess", "/components/sis-omm/sis-omm-proxy-gw/configuration/", {"edit_config", "edit_production_config"}),
    ("tess", "/components/sis-omm/sis-omm-proxy-gw/scaling/prd/", {"edit_allocation"}),
    ("dana", "/templates/prism-python-deployment.yaml/?kind=deployment", {"edit_global_template"}),
    ("dana", "/projects/sis-omm/", {"manage_members"}),
    ("dana", "/spaces/sis-omm/prd/", {"manage_places", "edit_policy"}),
    ("dana", "/spaces/sis-omm/prd/policy/", {"edit_policy"}),
    ("dana", "/health/", {"see_health"}),
    ("uma", "/orders/{number}/", {"check", "build", "create_order", "close_order", "return", "withdraw_order"}),
    ("uma", "/orders/{number}/?panel=fat", {"promote"}),
    ("uma", "/orders/{number}/close/withdraw/", {"withdraw_order"}),
)


@pytest.mark.parametrize(("name", "path", "verbs"), REFUSING)
def test_every_link_is_about_what_the_page_refuses(
    world: World, component: Component, signed_in: SignIn, name: str, path: str, verbs: set[str]
) -> None:
    """People who follow one are told no: a link to a yes would contradict the page that it comes from."""
    order, client = make_built(component, world.dana), signed_in(name)
    page = client.get(path.format(number=order.number))
    found = re.findall(r'class="why-link" href="([^"]+)"', page.content.decode())
    told = [followed(client, address) for address in found]
    assert found and {answer["verb"] for answer in told} & verbs, (page.status_code, found)
    assert not [answer["detail"] for answer in told if answer["may"]]


def test_it_is_found(world: World, signed_in: SignIn) -> None:
    lines = signed_in("dana").get("/search/palette/?q=permission").json()["groups"]
    assert "/explain/" in [line["url"] for group in lines for line in group["lines"]]
    assert "/explain/" in signed_in("dana").get("/admin/").content.decode()
