"""The release calendar: what stands on which day of whose zone, for whom, what the gates say of it, at what cost."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Organisation, Project, User
from audit.models import AuditEvent
from components.models import Component
from desk.calendar import Wanted, read_day, read_month
from environments.access import Rights
from environments.models import Freeze, Space
from releases import gates
from releases.models import BreakGlass, Deployment, GoWord, Hold, OrderEvent, Promotion, ReleaseOrder, Schedule
from releases.services.go_words import say_go
from tests.cast import World
from tests.releases.pages.test_order import words
from tests.releases.rows import make_built, make_component, make_review
from trains.models import Train, TrainOrder

SignIn = Callable[[str], Client]
HOUR = timedelta(hours=1)
DAY = date(2026, 11, 20)
API = "/api/v1/calendar/"


def at(hour: int, minute: int = 0, *, day: int = 20) -> datetime:
    """On that day of November, in Shanghai, which is the site's zone."""
    return timezone.make_aware(datetime(2026, 11, day, hour, minute))


@pytest.fixture
def order(world: World, component: Component) -> ReleaseOrder:
    return make_built(component, world.dana)


def plan(order: ReleaseOrder, space: Space, by: User, due_at: datetime, **changes: Any) -> Schedule:
    snapshot = make_review(order, space).snapshot
    values: dict[str, Any] = {"next_at": due_at, "snapshot": snapshot} | changes
    return Schedule.objects.create(order=order, space=space, due_at=due_at, asked_by=by, **values)


def promote(order: ReleaseOrder, space: Space, by: User) -> None:
    Promotion.objects.create(order=order, component=order.component, space=space, promoted_by=by)


def deployed(order: ReleaseOrder, space: Space, by: User, ended: datetime, state: str = "succeeded") -> Deployment:
    row = Deployment.objects.create(
        order=order, component=order.component, space=space, deployed_by=by, state=state, nonce="1", finished_at=ended
    )
    Deployment.objects.filter(pk=row.pk).update(created_at=ended - HOUR)
    return row


def freeze(world: World, name: str, **values: Any) -> Freeze:
    given = {"name": name, "reason": "accounts are closed", "kind": "once", "made_by": world.ada}
    return Freeze.objects.create(**given | {"made_at": at(0, day=1)} | values)


def furnish(world: World, order: ReleaseOrder) -> None:
    """One thing of each kind on the day."""
    uat, prd = world.spaces["uat"], world.spaces["prd"]
    freeze(world, "Month end", begins_at=at(22, day=19), ends_at=at(2), project=world.project)
    weekly: dict[str, Any] = {"kind": "weekly", "weekdays": [4], "zone": "Asia/Shanghai"}
    freeze(world, "Trading", opens="09:00", closes="15:30", **weekly)
    freeze(world, "Friday night", opens="18:00", closes="22:00", is_window=True, space=prd, **weekly)
    Hold.objects.create(space=uat, reason="r", held_by=world.tess, held_at=at(9, day=19), ends_at=at(20, 30))
    BreakGlass.objects.create(
        order=order, space=prd, reason="prices stand still", opened_by=world.olli, opened_at=at(10), ends_at=at(14)
    )
    Train.objects.create(
        space=uat, name="1120-1", created_by=world.dana, started_by=world.olli, started_at=at(19, 30), state="done",
        ended_at=at(21),
    )  # fmt: skip
    plan(order, prd, world.olli, at(20))
    deployed(order, uat, world.olli, at(11))
    deployed(order, uat, world.olli, at(12), "failed")


def on_day(page: Any) -> list[tuple[str, str]]:
    return [(one.item.kind, str(one.when)) for one in page.context["chosen"].items]


# ---------------------------------------------------------------- what stands on it
def test_each_kind_stands_on_its_day_with_its_clocks(world: World, order: ReleaseOrder, signed_in: SignIn) -> None:
    furnish(world, order)
    page = signed_in("olli").get(f"/calendar/?day={DAY}")
    assert sorted(on_day(page)) == sorted([
        ("freeze", "until 02:00"), ("freeze", "09:00–15:30"), ("window", "18:00–22:00"), ("hold", "until 20:30"),
        ("break-glass", "10:00–14:00"), ("train", "19:30–21:00"), ("schedule", "20:00"),
        ("deployment", "11:00"), ("deployment", "12:00"),
    ])  # fmt: skip
    days = {day.date: day for week in page.context["month"].weeks for day in week}
    assert (days[DAY].succeeded, days[DAY].failed) == (1, 1)
    assert [one.item.kind for one in days[DAY - timedelta(days=1)].items] == ["hold", "freeze"]
    assert [one.item.name for one in days[date(2026, 11, 27)].items] == ["Trading", "Friday night"], "each Friday"
    assert not days[date(2026, 10, 30)].items, "it was made on the first of November"
    text = words(page)
    assert "Trading" in text and "1120-1" in text and order.short_name in text
    listed = signed_in("olli").get(f"/calendar/?day={DAY}&view=list")
    assert [day.date.day for day in listed.context["month"].days] == [6, 13, 19, 20, 27]
    assert "09:00–15:30" in words(listed), "what comes again stands on the heading of its day"


def test_filters_narrow_it_and_lead_to_the_orders_of_the_day(
    world: World, order: ReleaseOrder, signed_in: SignIn
) -> None:
    furnish(world, order)
    browser = signed_in("olli")
    uat = browser.get(f"/calendar/?day={DAY}&environment=uat")
    assert {kind for kind, _when in on_day(uat)} == {"hold", "train", "deployment"}, "production alone is frozen"
    assert on_day(browser.get(f"/calendar/?day={DAY}&kind=hold")) == [("hold", "until 20:30")]
    assert on_day(browser.get(f"/calendar/?day={DAY}&project=sis-omm&kind=window")) == [("window", "18:00–22:00")]
    text = uat.content.decode()
    assert f"/orders/?since={DAY}&amp;until={DAY}" in text and "environment=uat&amp;since" in text
    for nonsense in ("?month=2026-13", "?day=9999-01-01", "?day=2026-02-30", "?kind=cake&view=tree", "?month=0000-00"):
        assert browser.get("/calendar/" + nonsense).status_code == 200


def test_what_ended_before_its_time_is_drawn_until_then(world: World, order: ReleaseOrder) -> None:
    freeze(world, "Short", begins_at=at(8), ends_at=at(18), ended_at=at(12), ended_by=world.ada)
    Hold.objects.create(
        space=world.spaces["fat"], reason="r", held_by=world.tess, held_at=at(9, day=19), ends_at=at(9, day=22),
        ended_at=at(10), ended_by=world.tess,
    )  # fmt: skip
    month = read_month(Rights(world.olli), Wanted.read({"day": str(DAY)}, DAY))
    assert {str(one.when) for one in month.chosen.items} == {"08:00–12:00", "until 10:00"}
    assert not any(day.items for week in month.weeks for day in week if day.date == DAY + timedelta(days=1))


def test_a_part_is_drawn_anew_by_itself(world: World, order: ReleaseOrder, signed_in: SignIn) -> None:
    furnish(world, order)
    browser, path = signed_in("olli"), f"/calendar/?day={DAY}"
    whole = words(browser.get(path))
    for part, own, other in (("day", "Deployments of this day", "Mon Tue Wed"), ("days", "3 more", "Orders created")):
        text = words(browser.get(f"{path}&part={part}", headers={"HX-Request": "true"}))
        assert own in text and own in whole and other not in text, part


def test_an_empty_month_says_what_would_stand_there(world: World, signed_in: SignIn) -> None:
    text = words(signed_in("dana").get("/calendar/?month=2026-03"))
    assert "stand here by themselves" in text and "Nothing is on this day" in text
    assert "fits these filters" in words(signed_in("dana").get("/calendar/?month=2026-03&kind=hold"))
    assert 'href="/calendar/"' in signed_in("dana").get("/").content.decode(), "the rail leads there"


# ---------------------------------------------------------------- zones
def test_days_are_the_readers_own(world: World, order: ReleaseOrder, signed_in: SignIn) -> None:
    deployed(order, world.spaces["uat"], world.olli, datetime(2026, 11, 19, 17, tzinfo=UTC))
    plan(order, world.spaces["uat"], world.olli, datetime(2026, 11, 20, 3, tzinfo=UTC))
    shanghai = signed_in("olli").get(f"/calendar/?day={DAY}")
    assert on_day(shanghai) == [("deployment", "01:00"), ("schedule", "11:00")], "the site's zone"
    User.objects.filter(pk=world.olli.pk).update(time_zone="America/New_York")
    there = signed_in("olli").get("/calendar/?day=2026-11-19")
    assert on_day(there) == [("deployment", "12:00"), ("schedule", "22:00")]
    answer = signed_in("olli").get(API + "day/?day=2026-11-19").json()
    assert (answer["zone"], answer["day"]["succeeded"], len(answer["day"]["items"])) == ("America/New_York", 1, 2)


CHANGES = [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (date(2026, 10, 26), 24)]


@pytest.mark.parametrize(("day", "hours"), CHANGES)
def test_a_day_on_which_clocks_change_is_whole(world: World, order: ReleaseOrder, day: date, hours: int) -> None:
    with timezone.override("Europe/Berlin"):
        begins = timezone.make_aware(datetime(day.year, day.month, day.day))
        for hour in (0, hours - 1):
            deployed(order, world.spaces["uat"], world.olli, begins.astimezone(UTC) + hour * HOUR)
        deployed(order, world.spaces["uat"], world.olli, begins.astimezone(UTC) + hours * HOUR)
        all_day = {"made_at": at(0, day=1) - timedelta(days=400)}
        freeze(world, "Whole", begins_at=begins, ends_at=begins.astimezone(UTC) + hours * HOUR, **all_day)
        found = read_day(Rights(world.olli), Wanted.read({"day": str(day)}, day))
        frozen, *rest = found.items
        assert (frozen.when, frozen.begins, frozen.length, found.succeeded) == ("all day", 0, 1000, 2)
        assert [one.when for one in rest] == ["00:00", "23:00"]


# ---------------------------------------------------------------- what the gates say
def test_what_is_to_come_has_the_gates_answer_of_its_time(world: World, order: ReleaseOrder, signed_in: SignIn) -> None:
    soon = timezone.now() + 3 * HOUR
    uat, url = world.spaces["uat"], f"/calendar/?day={timezone.localtime(soon):%Y-%m-%d}"
    row = plan(order, uat, world.olli, soon)

    def closed() -> str:
        (shown,) = [one.item for one in signed_in("olli").get(url).context["chosen"].items
                    if one.item.kind == "schedule"]  # fmt: skip
        assert shown.gates
        return shown.closed.code if shown.closed else ""

    assert closed() == "promoted"
    promote(order, uat, world.tess)
    assert closed() == ""
    Hold.objects.create(
        space=uat, reason="r", held_by=world.tess, held_at=soon - 4 * HOUR, ends_at=soon - HOUR
    )  # fmt: skip
    assert closed() == "", "it is over by then"
    past = {"made_at": timezone.now() - 2 * HOUR, "project": world.project, "only_production": False}
    freeze(world, "Now", begins_at=soon - 4 * HOUR, ends_at=soon - HOUR, **past)
    assert closed() == "", "so is this"
    late = freeze(world, "Then", begins_at=soon - HOUR, ends_at=soon + HOUR, **past)
    assert closed() == "freeze"
    there = API + f"day/?day={timezone.localtime(soon):%Y-%m-%d}&kind=schedule"
    (item,) = [one["item"] for one in signed_in("olli").get(there).json()["day"]["items"]]
    assert (item["order"], item["environment"], item["username"]) == (order.number, "uat", "olli")
    assert [gate["code"] for gate in item["gates"] if not gate["is_open"]] == ["freeze"]
    Freeze.objects.filter(pk=late.pk).delete()
    # Once it is over, nothing is asked any more.
    Schedule.objects.filter(pk=row.pk).update(state="cancelled")
    assert not signed_in("olli").get(there).json()["day"]["items"][0]["item"]["gates"]


def test_four_eyes_are_asked_with_the_real_builders(world: World, component: Component, signed_in: SignIn) -> None:
    order = make_built(component, world.dana, builder=world.petra)
    promote(order, world.spaces["prd"], world.tess)
    plan(order, world.spaces["prd"], world.petra, at(20, day=25))
    (shown,) = signed_in("olli").get("/calendar/?day=2026-11-25").context["chosen"].items
    assert {gate.code for gate in shown.item.gates if not gate.is_open} >= {"approved", "four-eyes"}


# ---------------------------------------------------------------- whose it is
def test_others_see_nothing_of_it(world: World, order: ReleaseOrder, signed_in: SignIn) -> None:
    furnish(world, order)
    other = Project.objects.create(organisation=Organisation.objects.get(), slug="other", name="Other")
    freeze(world, "Hidden", begins_at=at(8), ends_at=at(18), project=other)
    page = signed_in("otto").get(f"/calendar/?day={DAY}")
    assert on_day(page) == [("freeze", "09:00–15:30")], "the site's own freeze alone"
    assert order.short_name not in page.content.decode() and not page.context["projects"]
    assert "Hidden" not in signed_in("olli").get(f"/calendar/?day={DAY}").content.decode()
    days = signed_in("otto").get(API + "?month=2026-11").json()["days"]
    assert sum(day["succeeded"] + day["failed"] for day in days) == 0
    assert {one["item"]["name"] for day in days for one in day["items"]} == {"Trading"}


def test_the_api_tells_the_month_and_refuses_what_is_no_day(
    world: World, order: ReleaseOrder, signed_in: SignIn
) -> None:
    furnish(world, order)
    browser = signed_in("dana")
    answer = browser.get(API + "?month=2026-11").json()
    assert (answer["month"], answer["zone"], len(answer["days"])) == ("2026-11", "Asia/Shanghai", 42)
    (day,) = [one for one in answer["days"] if one["date"] == str(DAY)]
    assert {one["item"]["kind"] for one in day["items"]} == {
        "freeze", "window", "hold", "break-glass", "train", "schedule"
    }  # fmt: skip
    assert (day["succeeded"], day["failed"]) == (1, 1)
    for wrong in ("?month=2026-13", "day/?day=tomorrow", "?kind=cake"):
        assert browser.get(API + wrong).status_code == 400


# ---------------------------------------------------------------- what it costs
def test_more_of_everything_asks_no_more(world: World, component: Component, signed_in: SignIn) -> None:
    browser = signed_in("olli")
    furnish(world, make_built(component, world.dana))

    def asked(path: str) -> int:
        browser.get(path)
        with CaptureQueriesContext(connection) as seen:
            assert browser.get(path).status_code == 200
        return len(seen)

    paths = [f"/calendar/?day={DAY}", f"/calendar/?day={DAY}&view=list", API + "?month=2026-11"]
    future = "/calendar/?day=2099-11-20&environment=uat"
    plan(make_built(component, world.dana), world.spaces["uat"], world.olli, datetime(2099, 11, 20, 4, tzinfo=UTC))
    before = [asked(path) for path in [*paths, future]]
    for number in range(8):
        order = make_built(make_component(world, f"SIS-OMM-N{number}"), world.dana)
        promote(order, world.spaces["uat"], world.tess)
        plan(order, world.spaces["uat"], world.olli, at(20), state="failed")
        plan(order, world.spaces["uat"], world.olli, datetime(2099, 11, 20, 4, tzinfo=UTC))
        deployed(order, world.spaces["uat"], world.olli, at(13))
        freeze(world, f"F{number}", begins_at=at(1), ends_at=at(2), space=world.spaces["uat"])
    assert [asked(path) for path in [*paths, future]] == before
    assert max(before) <= 26, before


def test_no_more_than_fifty_that_ended_are_shown(world: World, order: ReleaseOrder, signed_in: SignIn) -> None:
    row = deployed(order, world.spaces["uat"], world.olli, at(11))
    names = ("order", "component", "space", "deployed_by", "state", "nonce", "finished_at")
    values = {name: getattr(row, name) for name in names}
    Deployment.objects.bulk_create(Deployment(**values) for _n in range(55))
    page = signed_in("olli").get(f"/calendar/?day={DAY}")
    assert len(on_day(page)) == 50 and page.context["chosen"].is_cut and "More ended" in words(page)
    assert signed_in("olli").get(API + f"day/?day={DAY}").json()["is_cut"] is True


# ---------------------------------------------------------------- go and no-go
def test_a_person_says_go_or_no_go_and_no_gate_asks(world: World, order: ReleaseOrder, signed_in: SignIn) -> None:
    uat, soon = world.spaces["uat"], timezone.now() + 3 * HOUR
    promote(order, uat, world.tess)
    plan(order, uat, world.olli, soon)
    day = f"{timezone.localtime(soon):%Y-%m-%d}"
    answers = gates.deployment_gates(order, uat, snapshot=None, deployer=world.olli)
    path, said = f"/orders/{order.number}/go/uat/?day={day}", f"/api/v1/orders/{order.number}/go-words/"
    page = signed_in("tess").post(path, {"word": "no_go", "comment": "two cases left"}, follow=True)
    assert page.redirect_chain[0][0] == f"/calendar/?day={day}"
    assert "No-go" in words(page) and "two cases left" in words(page)
    assert signed_in("dana").post(path, {"word": "go"}).status_code == 302
    assert signed_in("tess").post(path, {"word": "go", "comment": ""}).status_code == 302, "another takes its place"
    assert signed_in("tess").post(path, {"word": "go"}).status_code == 302, "the same again changes nothing"
    assert gates.deployment_gates(order, uat, snapshot=None, deployer=world.olli) == answers
    found = signed_in("olli").get(said).json()["items"]
    assert {(one["by"], one["word"], one["environment"]) for one in found} == {
        (who, "go", "uat") for who in ("tess", "dana")
    }
    there = signed_in("olli").get(API + f"day/?day={day}&kind=schedule").json()["day"]["items"][0]["item"]["go_words"]
    assert [(one["by"], one["word"]) for one in there] == [("dana", "go"), ("tess", "go")]
    panel = words(signed_in("olli").get(f"/orders/{order.number}/?panel=uat"))
    assert "UAT: no-go" in panel and "Tess" in panel
    answer = signed_in("dana").post(said + "uat/", {"word": ""}, content_type="application/json")
    assert (answer.status_code, answer.json()) == (200, {"said": None})
    assert [row.by for row in GoWord.objects.all()] == [world.tess]
    acts = AuditEvent.objects.filter(verb__startswith="go_word").order_by("pk")
    assert [*acts.values_list("verb", "actor_name")] == [
        ("go_word.no_go", "Tess"), ("go_word.go", "Dana"), ("go_word.go", "Tess"), ("go_word.taken_back", "Dana"),
    ]  # fmt: skip
    assert OrderEvent.objects.filter(order=order, kind__startswith="go_word").count() == 4


def test_who_may_not_comment_says_nothing(world: World, order: ReleaseOrder, signed_in: SignIn) -> None:
    path = f"/api/v1/orders/{order.number}/go-words/uat/"
    for name, status in (("uma", 403), ("otto", 404)):
        answer = signed_in(name).post(path, {"word": "go"}, content_type="application/json")
        assert answer.status_code == status
    for wrong in ({"word": "maybe"}, {"word": "go", "comment": "x" * 501}):
        assert signed_in("olli").post(path, wrong, content_type="application/json").status_code == 400
    assert not GoWord.objects.exists()


def test_words_stand_on_the_orders_of_a_train_at_the_same_cost(
    world: World, component: Component, signed_in: SignIn
) -> None:
    train = Train.objects.create(
        space=world.spaces["uat"], name="Night", created_by=world.dana, started_by=world.olli, state="running",
        started_at=timezone.now(),
    )  # fmt: skip
    browser, counts = signed_in("olli"), []
    for number in range(4):
        order = make_built(make_component(world, f"SIS-OMM-T{number}"), world.dana)
        TrainOrder.objects.create(train=train, order=order, wave=1)
        say_go(actor=world.tess, order=order, space=train.space, word="go")
        say_go(actor=world.petra, order=order, space=train.space, word="no_go", comment=f"not {number}")
        browser.get("/calendar/")
        with CaptureQueriesContext(connection) as seen:
            page = browser.get("/calendar/")
        counts.append(len(seen))
        assert all(f"not {one}" in words(page) for one in range(number + 1))
    assert len(set(counts[1:])) == 1, counts
