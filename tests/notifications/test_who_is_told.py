"""Who is told what, along an order's life: those whose inbox has it, and those whose own it is. Nobody twice."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import DataError, OperationalError, transaction

from accounts.models import User
from components.models import Component
from environments.models import Membership
from environments.services import rule_decisions
from environments.services.spaces import edit_policy
from foundation.runs.choices import RunState
from notifications.models import Notice, Telling
from notifications.told import VERBS
from releases import transitions
from releases.models import Approval, Review
from releases.services import approvals, builds, deployments, orders, promotions
from releases.services.break_glass import open_break_glass
from tests.cast import World
from tests.desk.test_inbox import end
from tests.notifications.telling import tell, told
from tests.releases.rows import COMMIT, make_built, make_order, make_review, make_success
from tests.releases.test_contact_deadline import run_once

DEPLOYERS = {"olli", "oskar"}


def ends(row: object, to: RunState, **how: object) -> None:
    with transaction.atomic():
        transitions.end_run(row, to, actor=None, **how)  # type: ignore[arg-type]


def test_at_each_step_those_are_told_who_act_or_whose_own_it_is(world: World, component: Component) -> None:
    order = make_order(component, world.dana)
    ends(builds.start_build(actor=world.dana, order=order, commit=COMMIT), RunState.FAILED, reason="build_failed")
    assert told(world) == {"build_failed": {"dana"}}
    order.refresh_from_db()
    row = builds.start_build(actor=world.dave, order=order, commit=COMMIT)
    ends(row, RunState.SUCCEEDED, digest="sha256:" + "a" * 64)
    order.refresh_from_db()
    assert told(world) == {"built": {"dana", "dave"}}, "its author sends it to FAT: no tester is asked"

    promotions.promote(actor=world.dana, order=order, space=world.spaces["fat"])
    assert told(world) == {"promoted": DEPLOYERS}
    deployments.start_deployment(actor=world.olli, order=order, space=world.spaces["fat"])
    assert told(world) == {}
    end(order, "fat", RunState.SUCCEEDED, world)
    assert told(world) == {"deployed": {"dana", "olli"}, "to_test": {"tess", "petra"}}

    promotions.promote(actor=world.tess, order=order, space=world.spaces["uat"], test_verdict="passed")
    snapshot = make_review(order, world.spaces["uat"]).snapshot
    assert snapshot and told(world) == {"promoted": DEPLOYERS}, "no approval is needed there"
    seen = {"order": order, "space": world.spaces["uat"], "snapshot_hash": snapshot.hash}
    deployments.start_deployment(actor=world.oskar, **seen)
    end(order, "uat", RunState.FAILED, world)
    assert told(world) == {"deployment_failed": {"dana", "oskar"}}
    deployments.start_deployment(actor=world.oskar, **seen)
    end(order, "uat", RunState.SUCCEEDED, world)
    assert told(world) == {"deployed": {"dana", "oskar"}, "to_test": {"tess", "petra"}}

    promotions.promote(actor=world.tess, order=order, space=world.spaces["prd"], test_verdict="remarks")
    snapshot = make_review(order, world.spaces["prd"]).snapshot
    assert snapshot and told(world) == {"promoted": DEPLOYERS, "approval": DEPLOYERS | {"petra"}}
    make_review(order, world.spaces["prd"])
    assert told(world) == {}, "the same snapshot, reviewed again, asks nobody again"
    approvals.reject(actor=world.oskar, snapshot=snapshot, comment="not today")
    assert told(world) == {"rejected": {"dana", "tess"}}
    snapshot = make_review(order, world.spaces["prd"], salt="2").snapshot
    assert snapshot and told(world) == {"approval": DEPLOYERS | {"petra"}}
    approvals.approve(actor=world.oskar, snapshot=snapshot)
    assert told(world) == {"approved": {"olli"}}, "who approved it does not deploy it"
    orders.return_order(actor=world.tess, order=order, reason="the counter stands still")
    assert told(world) == {"returned": {"dana"}}
    assert str(Notice.objects.latest("pk").detail) == "the counter stands still"


def test_approved_again_after_a_withdrawal_is_told_again_and_one_more_is_not(
    world: World, component: Component
) -> None:
    order = make_built(component, world.dana)
    make_success(order, world.spaces["fat"], world.olli)
    make_success(order, world.spaces["uat"], world.olli)
    promotions.promote(actor=world.tess, order=order, space=world.spaces["prd"], test_verdict="passed")
    snapshot = make_review(order, world.spaces["prd"]).snapshot
    assert snapshot and told(world)
    word = approvals.approve(actor=world.oskar, snapshot=snapshot)
    assert told(world) == {"approved": {"olli"}}
    approvals.approve(actor=world.petra, snapshot=snapshot)
    assert told(world) == {"approved": {"oskar"}}, "who approved it may deploy it with another's approval"
    approvals.withdraw_approval(actor=world.petra, approval=Approval.objects.latest("pk"))
    approvals.withdraw_approval(actor=world.oskar, approval=word)
    assert told(world) == {}
    approvals.approve(actor=world.petra, snapshot=snapshot)
    assert told(world) == {"approved": {"olli", "oskar"}}


@pytest.mark.parametrize("says", ["yes", "no"])
def test_a_removal_is_told_as_one_to_those_who_remove_and_to_who_asked(
    world: World, component: Component, says: str
) -> None:
    from tests.releases.pages.test_remove_page import page_of, reviewed

    make_success(make_built(component, world.dana), world.spaces["prd"], world.olli)
    tell()
    Notice.objects.all().delete()
    snapshot = reviewed(world, "prd").snapshot
    assert snapshot and told(world)["approval"]
    Review.objects.filter(snapshot=snapshot, is_removal=True).update(requested_by=world.petra)
    word = approvals.approve if says == "yes" else approvals.reject
    word(actor=world.oskar, snapshot=snapshot, comment="as agreed")
    expected = {"approved": {"olli", "petra"}} if says == "yes" else {"rejected": {"petra"}}
    assert told(world) == expected
    notice = Notice.objects.latest("pk")
    assert notice.path == page_of(component, world, "prd") and "removal of" in str(notice.message)
    assert "deployed" not in str(notice.message)


def test_second_persons_are_told_and_the_first_hears_the_answer(world: World, component: Component) -> None:
    order = make_built(component, world.dana)
    Membership.objects.create(user=world.olli, project=world.project, role="break_glass", reason="night")
    tell()
    Notice.objects.all().delete()
    open_break_glass(actor=world.olli, order=order, space=world.spaces["prd"], reason="the market opens", minutes=60)
    assert told(world) == {"break_glass": {"ada", "petra"}}
    space = world.spaces["prd"]
    space.approvals = 2
    space.save()
    edit_policy(actor=world.petra, space=space, approvals=1, reason="year-end")
    assert told(world) == {"rule_change": {"ada"}}
    from environments.models import RuleChange

    rule_decisions.refuse_rule_change(actor=world.ada, change=RuleChange.objects.get(), reason="keep two")
    assert told(world) == {"rule_decided": {"petra"}}


def test_where_authors_do_not_promote_testers_are_told_of_what_was_built(world: World, component: Component) -> None:
    type(world.spaces["fat"]).objects.update(creators_may_promote=False)
    make_built(component, world.dana)
    assert told(world) == {"built": {"dana"}, "to_test": {"tess", "petra"}}


def test_who_lost_the_project_or_may_not_sign_in_is_told_nothing(world: World, component: Component) -> None:
    order = make_order(component, world.dana)
    row = builds.start_build(actor=world.dave, order=order, commit=COMMIT)
    Membership.objects.filter(user=world.dana).delete()
    User.objects.filter(pk=world.dave.pk).update(is_active=False)
    ends(row, RunState.FAILED)
    assert told(world) == {}


# ---------------------------------------------------------------- never lost, never doubled
def test_what_was_done_before_the_platform_told_is_told_to_nobody(world: World, component: Component) -> None:
    make_built(component, world.dana)
    from audit.chain import seal_events

    while seal_events():
        pass
    Telling.objects.all().delete()
    from django.apps import apps

    from notifications.apps import make_single_runs

    make_single_runs(apps.get_app_config("notifications"))  # type: ignore[arg-type]
    tell()
    assert not Notice.objects.exists()


def test_after_a_migrate_of_some_apps_or_of_another_database_nothing_fails(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.apps import apps
    from django.db import connection, connections
    from django.db.backends.sqlite3.base import DatabaseWrapper

    from notifications.apps import make_single_runs

    sender: Any = apps.get_app_config("notifications")
    Telling.objects.all().delete()
    other = DatabaseWrapper({**connection.settings_dict, "NAME": ":memory:", "OPTIONS": {}}, "other")
    with monkeypatch.context() as patch:
        patch.setattr(connections._connections, "other", other, raising=False)  # type: ignore[attr-defined]
        make_single_runs(sender, using="other")
    other.close()
    assert not Telling.objects.exists(), "none in the database that was not migrated"
    with monkeypatch.context() as patch:
        patch.setattr(connection.introspection, "table_names", lambda: ["audit_auditlink"])
        make_single_runs(sender)
    assert not Telling.objects.exists()
    make_single_runs(sender)
    assert Telling.objects.count() == 1


def test_a_pass_that_ends_before_its_write_leaves_nothing_half_done(
    world: World, component: Component, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between what was read and what was written: the next pass tells all of it, once."""
    from audit.chain import seal_events
    from notifications.steps import telling

    make_built(component, world.dana)
    while seal_events():
        pass
    row, _ = Telling.objects.get_or_create(singleton=True)
    before = Telling.objects.get().told
    real = telling.write_down

    def dies(notices: list[Notice]) -> None:
        real(notices)
        raise OperationalError("the database is gone")

    monkeypatch.setattr(telling, "write_down", dies)
    run_once("telling", row.pk)
    assert not Notice.objects.exists() and Telling.objects.get().told == before
    monkeypatch.setattr(telling, "write_down", real)
    Telling.objects.update(next_at="2026-01-01T00:00:00Z")
    tell()
    assert Notice.objects.filter(kind="built").count() == 1
    Telling.objects.update(told=before)
    tell()
    assert Notice.objects.filter(kind="built").count() == 1, "read again, as after a restore: told once"


def test_what_makes_no_sense_keeps_nothing_from_being_told(
    world: World, component: Component, monkeypatch: pytest.MonkeyPatch
) -> None:
    from notifications import told as module

    def fails(heard: object) -> None:
        raise KeyError("a row of another kind")

    make_success(make_built(component, world.dana), world.spaces["fat"], world.olli)
    monkeypatch.setitem(module._TELLERS, "build.succeeded", fails)
    assert told(world) == {"deployed": {"dana", "olli"}, "to_test": {"tess", "petra"}}


@pytest.mark.parametrize("where", ["put_into_mails", "for_webhooks", "_for_each", "write_dispatches"])
def test_what_fails_for_one_event_is_told_to_nobody_and_what_follows_is_told(
    world: World, component: Component, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, where: str
) -> None:
    from notifications.steps import telling

    real, calls = getattr(telling, where), []

    def fails_once(*args: object) -> object:
        calls.append(args)
        if len(calls) == 1:
            # In the savepoint, whose work it must not take with it.
            raise KeyError("a row of another kind") if where != "put_into_mails" else DataError("too long")
        return real(*args)

    make_success(make_built(component, world.dana), world.spaces["fat"], world.olli)
    monkeypatch.setattr(telling, where, fails_once)
    assert told(world) == {"deployed": {"dana", "olli"}, "to_test": {"tess", "petra"}}
    assert [record.levelname for record in caplog.records if record.name == "notifications"] == ["CRITICAL"]


@pytest.mark.parametrize("how", ["time", "notices"])
def test_a_pass_that_grows_long_writes_what_it_has_told_so_far(
    world: World, component: Component, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """Else it would lose its lease, and the next one would read the same events and lose it too."""
    from audit.chain import seal_events
    from notifications.steps import telling

    for _ in range(3):
        make_built(component, world.dana)
    while seal_events():
        pass
    row, _made = Telling.objects.get_or_create(singleton=True)
    monkeypatch.setattr(telling, *(("READING_SECONDS", 0.0) if how == "time" else ("MOST_NOTICES", 1)))
    seen = []
    for _ in range(3):
        run_once("telling", row.pk)
        seen.append((Notice.objects.count(), Telling.objects.get().told))
    assert [count for count, _told in seen] == [1, 2, 3] and seen[0][1] < seen[1][1] < seen[2][1]


def test_every_verb_is_one_that_is_recorded() -> None:
    """What is spelt otherwise here would be told to nobody, and nobody would miss it."""
    from environments.choices import RuleChangeState
    from releases.choices import ApprovalState, DrpState, OrderState, PromotionState, ScaleRequestState

    states = {
        "build": RunState.values, "schedule": RunState.values, "deployment": RunState.values, "review": RunState.values,
        "promotion": PromotionState.values, "approval": ApprovalState.values, "scale_approval": ApprovalState.values,
        "order": OrderState.values, "scale_request": ScaleRequestState.values, "break_glass": ["opened"],
        "rule_change": RuleChangeState.values, "comment": ["mentioned"], "day_note": ["mentioned"],
        "space_comment": ["mentioned"], "train_comment": ["mentioned"],
        "freeze": ["end_asked"], "hold": ["opened", "lifted", "expired"],
        "drp_switch": DrpState.values,
    }  # fmt: skip
    for verb in VERBS:
        noun, _dot, state = verb.partition(".")
        assert state in states[noun], verb
