"""The line of a place on the pages and over the API: who waits, behind whom, and the acts there."""

from __future__ import annotations

import pytest
from django.test import Client

from foundation.runs.choices import ACTIVE
from releases.choices import TurnState
from releases.models import Deployment, Turn
from releases.models.orders import short_number
from tests.cast import World, browse
from tests.releases.test_api import Caller
from tests.releases.test_turns import Line, finish

pytestmark = pytest.mark.django_db


@pytest.fixture
def line(world: World) -> Line:
    return Line(world, "fat")


def text(client: Client, path: str, **query: str) -> str:
    return " ".join(client.get(path, query).content.decode().split())


def test_the_order_its_list_and_home_say_behind_whom_and_in_which_place_it_waits(line: Line) -> None:
    first, second, third = line.first(), line.wait(1), line.wait(2)
    olli = browse(line.world, "olli")
    word = f"waits behind {short_number(second.order.number)}, place 2"
    page = text(olli, f"/orders/{third.order.number}/", panel="fat")
    assert word in page and f"/turns/{third.pk}/cancel/" in page
    assert "At its turn every gate and the live state are asked again" in page
    assert f"waits behind {short_number(first.order.number)}, place 1" in text(olli, "/orders/")
    assert word in text(olli, "/orders/") and word in text(olli, "/")
    names = f"{line.component.project.slug}/{line.component.slug}"
    for path in (f"/runtime/{names}/fat/", f"/deployments/{first.pk}/"):
        shown = text(olli, path)
        assert shown.index("Waiting their turn") < shown.index(second.order.short_name) < shown.index(
            third.order.short_name
        )  # fmt: skip
    finish(first)
    assert f"/turns/{second.pk}/cancel/" not in text(olli, f"/orders/{second.order.number}/", panel="fat")


def test_a_click_of_another_order_leads_back_to_its_page_and_one_more_ends_the_waiting(line: Line) -> None:
    line.first()
    second, third = line.orders[1:]
    line.promote(second)
    olli = browse(line.world, "olli")
    answer = olli.post(f"/orders/{second.number}/review/fat/deploy/", follow=True)
    assert "It waits its turn, place 1." in answer.content.decode()
    line.promote(third)
    page = text(olli, f"/orders/{third.number}/", panel="fat")
    assert "this order would wait its turn, place 2" in page and 'name="supersede" value="on"' in page
    olli.post(f"/orders/{third.number}/review/fat/deploy/", {"supersede": "on"})
    turn = Turn.objects.get(state=TurnState.WAITING)
    assert turn.order == third and Turn.objects.get(order=second).state == TurnState.SUPERSEDED
    answer = olli.post(f"/turns/{turn.pk}/cancel/", follow=True)
    assert "It waits no longer." in answer.content.decode()
    assert "a newer order goes instead" in text(olli, f"/orders/{second.number}/")


def test_a_chinese_reader_reads_the_place(line: Line) -> None:
    first, turn = line.first(), line.wait(1)
    page = f"/orders/{turn.order.number}/?panel=fat"
    shown = browse(line.world, "olli").get(page, headers={"Accept-Language": "zh-hans"})
    assert f"排在 {short_number(first.order.number)} 之后，顺位 1" in shown.content.decode()


def test_a_place_is_released_on_its_page_with_a_reason(line: Line) -> None:
    first = line.first()
    olli, petra = browse(line.world, "olli"), browse(line.world, "petra")
    path = f"/deployments/{first.pk}/release/"
    assert path not in text(olli, f"/deployments/{first.pk}/") and path in text(petra, f"/deployments/{first.pk}/")
    assert "disabled" in text(olli, path) and olli.post(path, {"reason": "why"}).status_code == 403
    assert petra.post(path, {"reason": ""}).status_code == 400
    answer = petra.post(path, {"reason": "it hangs"}, follow=True)
    assert "what runs there is read now" in answer.content.decode()
    assert "released the place by force: it hangs." in text(petra, f"/deployments/{first.pk}/")
    assert not Deployment.objects.filter(state__in=ACTIVE).exists()


def test_the_api_tells_the_place_and_what_it_became(line: Line) -> None:
    first = line.first()
    second = line.orders[1]
    line.promote(second)
    olli = Caller(line.world, "olli")
    made = olli.post(f"orders/{second.number}/deployments/", {"environment": "fat"})
    turn = made.json()
    assert (made.status_code, turn["position"], turn["waits_for"]) == (201, 1, first.order.number)
    again = olli.post(f"orders/{second.number}/deployments/", {"environment": "fat"})
    assert (again.status_code, again.json()["code"]) == (409, "gate-queue")
    (fat,) = (one for one in olli.get(f"orders/{second.number}/").json()["environments"] if one["environment"] == "fat")
    (gate,) = (one for one in fat["deployment_gates"] if one["code"] == "queue")
    assert fat["turn"] == turn and not gate["is_open"] and gate["since"]
    names = f"components/{line.component.project.slug}/{line.component.slug}/environments/fat/"
    assert olli.get(names).json()["turns"] == [turn]
    finish(first)
    became = olli.get(f"turns/{turn['id']}/").json()
    assert (became["state"], became["position"], became["waits_for"]) == ("started", None, "")
    assert olli.get(f"deployments/{became['deployment']}/").json()["order"] == second.number
    assert olli.post(f"turns/{turn['id']}/cancellation/").json()["code"] == "turn-came"
    petra = Caller(line.world, "petra")
    assert petra.post(f"deployments/{became['deployment']}/release/", {"reason": ""}).status_code == 400
    released = petra.post(f"deployments/{became['deployment']}/release/", {"reason": "it hangs"})
    assert (released.status_code, released.json()["reason"]) == (200, "released")


def test_the_explainer_names_who_is_first(line: Line) -> None:
    first = line.first()
    line.promote(line.orders[1])
    asked = {"verb": "deploy", "space": f"{line.component.project.slug}/fat", "order": line.orders[1].number}
    shown = text(browse(line.world, "olli"), "/explain/", **asked)
    assert f"Olli is deploying order {first.order.number} here: this order would wait its turn, place 1." in shown
