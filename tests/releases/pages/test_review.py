"""部署核对: what is shown, who decides, and that nobody deploys what they did not see."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from components.models import Allocation, Component
from environments.models import Membership, Space
from foundation.messages import from_json_data
from releases.models import Approval, Deployment, ReleaseOrder, Review
from tests.cast import World
from tests.releases.pages.conftest import reviewed
from tests.releases.pages.test_order import HTMX, words
from tests.releases.rows import make_built, make_success

SignIn = Callable[[str], Client]


@pytest.fixture
def order(world: World, component: Component, signed_in: SignIn) -> ReleaseOrder:
    """Succeeded in FAT and UAT, promoted to PRD; dana's."""
    order = make_built(component, world.dana)
    for slug, by in (("fat", world.olli), ("uat", world.olli)):
        make_success(order, world.spaces[slug], by)
    assert signed_in("tess").post(f"/orders/{order.number}/promote/prd/", {"test_verdict": "passed"}).status_code == 302
    return order


def url(order: ReleaseOrder, slug: str = "prd") -> str:
    return f"/orders/{order.number}/review/{slug}/"


def fresh(order: ReleaseOrder, world: World, slug: str = "prd", **findings: Any) -> Review:
    return reviewed(order, world.spaces[slug], **findings)


def deploy(client: Client, order: ReleaseOrder, review: Review, **more: str) -> Any:
    assert review.snapshot
    given = {"snapshot": review.snapshot.hash, "live_fingerprint": review.live_fingerprint, **more}
    return client.post(url(order) + "deploy/", given)


def test_an_old_review_is_refreshed_by_post_and_only_with_the_right(
    world: World, order: ReleaseOrder, signed_in: SignIn
) -> None:
    review = fresh(order, world)
    Review.objects.filter(pk=review.pk).update(seen_at=timezone.now() - timedelta(seconds=90))
    page = signed_in("olli").get(url(order)).content.decode()
    assert f'hx-post="{url(order)}" hx-trigger="load"' in page and 'action="' + url(order) + 'deploy/"' not in page
    assert "hx-post" not in signed_in("dana").get(url(order)).content.decode()
    before = Review.objects.count()
    assert signed_in("olli").post(url(order), headers=HTMX).status_code == 204
    assert signed_in("olli").post(url(order))["Location"] == url(order)
    assert Review.objects.count() == before + 1, "the second joins the first"
    assert signed_in("dana").post(url(order)).status_code == 403


def test_production_asks_for_the_last_four_of_the_number(world: World, order: ReleaseOrder, signed_in: SignIn) -> None:
    review = fresh(order, world)
    assert review.snapshot
    signed_in("oskar").post(url(order) + "decide/", {"snapshot": review.snapshot.hash, "decision": "approve"})
    client = signed_in("olli")
    before = Deployment.objects.count()
    for typed in ("", "0000"):
        refused = deploy(client, order, review, last_four=typed)
        assert refused.status_code == 400 and "Type the last four of this order's number" in words(refused)
    assert Deployment.objects.count() == before
    accepted = deploy(client, order, review, last_four=order.number[-4:].lower())
    assert accepted.status_code == 302 and accepted["Location"].startswith("/deployments/")


def test_without_approval_the_button_says_what_is_missing(world: World, order: ReleaseOrder, signed_in: SignIn) -> None:
    review = fresh(order, world)
    said = words(signed_in("olli").get(url(order)))
    assert "Blocked by 1" in said and "0 of 1 approvals." in said and "Who can clear it: Olli, Oskar, Petra" in said
    refused = deploy(signed_in("olli"), order, review, last_four=order.number[-4:])
    assert refused.status_code == 409 and "0 of 1 approvals." in words(refused)


def test_who_created_it_reads_why_they_may_not_approve(world: World, order: ReleaseOrder, signed_in: SignIn) -> None:
    review = fresh(order, world)
    assert review.snapshot
    ReleaseOrder.objects.filter(pk=order.pk).update(author=world.petra)
    said = words(signed_in("petra").get(url(order)))
    assert "Four eyes: people who created or built an order do not approve it, administrators included." in said
    given = {"snapshot": review.snapshot.hash, "decision": "approve"}
    assert signed_in("petra").post(url(order) + "decide/", given).status_code == 403
    assert Approval.objects.count() == 0


def test_approve_reject_and_withdraw(world: World, order: ReleaseOrder, signed_in: SignIn) -> None:
    review = fresh(order, world)
    assert review.snapshot
    client = signed_in("oskar")
    given = {"snapshot": review.snapshot.hash, "decision": "reject", "comment": ""}
    silent = client.post(url(order) + "decide/", given)
    assert silent.status_code == 400 and "Say why: the author and the operators read this." in words(silent)
    assert 'id="id_decision_comment_error"' in silent.content.decode() and "Blocked by 1" in words(silent)
    assert client.post(url(order) + "decide/", {**given, "comment": "freeze"}).status_code == 302
    assert "Oskar rejected it: freeze" in words(signed_in("olli").get(url(order)))
    approval = Approval.objects.get()
    assert client.post(f"/orders/{order.number}/approvals/{approval.pk}/withdraw/").status_code == 302
    assert client.post(url(order) + "decide/", {**given, "decision": "approve"}).status_code == 302
    assert "1 of 1 approvals." in words(signed_in("olli").get(url(order)))
    wrong = client.post(url(order) + "decide/", {**given, "snapshot": "f" * 64})
    assert wrong.status_code == 404


def test_a_snapshot_that_was_replaced_is_not_deployed(world: World, order: ReleaseOrder, signed_in: SignIn) -> None:
    seen = fresh(order, world)
    before = Deployment.objects.count()
    newer = reviewed(order, world.spaces["prd"])
    Review.objects.filter(pk=newer.pk).update(live_fingerprint="e" * 64)
    refused = deploy(signed_in("olli"), order, seen, last_four=order.number[-4:])
    assert refused.status_code == 409
    assert "What runs there has changed since the review: review again." in words(refused)
    assert Deployment.objects.count() == before


def test_changed_facts_are_marked_with_who_changed_them(
    world: World, component: Component, order: ReleaseOrder, signed_in: SignIn
) -> None:
    make_success(order, world.spaces["prd"], world.olli)
    later = make_built(component, world.dana, branch="release/9")
    review = fresh(later, world)
    old = review.snapshot.allocation if review.snapshot else None
    assert old
    new = Allocation.objects.create(
        component=component, environment=world.environments["prd"], number=2, replicas=4, author=world.olli,
        cpu_request=old.cpu_request, cpu_limit=1500, memory_request=old.memory_request, memory_limit=old.memory_limit,
    )  # fmt: skip
    type(review.snapshot).objects.filter(pk=review.snapshot_id).update(allocation=new)  # type: ignore[union-attr]
    compared = signed_in("olli").get(url(later)).context["compared"]
    changed = {str(row.label): (row.before, row.after, row.who) for row in compared if row.is_changed}
    assert changed["Replicas"] == ("2", "4", world.olli)
    assert changed["CPU (cores) lower / upper"] == ("0.1 / 0.2", "0.1 / 1.5", world.olli)
    assert changed["Branch"] == ("master", "release/9", None) and "Package" not in changed


def test_findings_are_drawn(world: World, order: ReleaseOrder, signed_in: SignIn) -> None:
    line = {"quota": "q", "resource": "requests.cpu", "hard": 4000, "used": 3000, "after": 4500, "peak": 4500}
    diff = {
        "kind": "Deployment", "name": "proxy-gw", "action": "change", "changes": [{"path": ".spec"}],
        "lines": ["--- live", "+++ this order", "@@ -1 +1 @@", "-replicas: 2", "+replicas: 4"],
    }  # fmt: skip
    review = fresh(
        order,
        world,
        diff=[diff],
        quota=[{**line, "short_by": 500, "peak_short_by": 500}],
        warnings=["deprecated field"],
        conflicts=[{"manager": "kubectl-edit", "path": ".spec.replicas", "object": "Deployment proxy-gw"}],
        problems=[{"path": "requests.cpu", "message": "Quota q is short by 500"}],
    )
    Review.objects.filter(pk=review.pk).update(state="failed", reason="quota", message="Quota q is short by 500")
    response = signed_in("olli").get(url(order))
    said = words(response)
    assert "Quota exceeded" in said and "short by 0.5 cores" in said and "kubectl-edit" in said
    assert "deprecated field" in said and "1 change" in said
    (object_,) = response.context["diff"]
    lines = [(line.kind, line.number, line.text) for hunk in object_.hunks for line in hunk.lines]
    assert lines == [("del", 1, "replicas: 2"), ("add", 1, "replicas: 4")]
    assert "--- live" not in response.content.decode()
    assert "Blocked by 2 The quota is short by CPU lower 0.5 cores." in said, "the quota is the cause, told once"


def test_another_problem_of_an_object_in_conflict_is_shown(
    world: World, order: ReleaseOrder, signed_in: SignIn
) -> None:
    field = {"manager": "kubectl-edit", "path": ".spec.replicas", "object": "Deployment/proxy-gw", "at": ""}
    review = fresh(
        order,
        world,
        conflicts=[field],
        additions=[{**field, "path": ".spec.paused", "is_added": True}],
        problems=[
            {"path": "Deployment proxy-gw", "message": "Set outside the platform", "is_conflict": True},
            {"path": "Deployment proxy-gw", "message": "It is being deleted"},
        ],
    )
    Review.objects.filter(pk=review.pk).update(state="failed", reason="conflict", message="Set outside the platform")
    response = signed_in("olli").get(url(order))
    assert [row["message"] for row in response.context["problems"]] == ["It is being deleted"]
    assert "It is being deleted" in words(response)
    assert response.content.decode().count('<ul class="findings">') == 3, "problems, conflicts and additions"


def test_a_review_that_lost_the_cluster_says_so(world: World, order: ReleaseOrder, signed_in: SignIn) -> None:
    review = fresh(order, world)
    Review.objects.filter(pk=review.pk).update(state="running", contact_lost_since=timezone.now())
    said = words(signed_in("olli").get(url(order)))
    assert "No contact with Main since" in said and "The review is under way: a moment." in said


def test_the_page_says_whether_the_nodes_have_capacity(world: World, order: ReleaseOrder, signed_in: SignIn) -> None:
    said = {"text": "The nodes have capacity for it: %(n)s may take such a pod.", "params": {"n": 3}}
    found = {"outcome": "fits", "message": from_json_data(said), "seen_at": timezone.now().isoformat()}
    fresh(order, world, nodes=found)
    page = signed_in("olli").get(url(order)).content.decode()
    assert "Capacity of the nodes" in page and "3 may take such a pod" in page
    fresh(order, world)
    assert "Capacity of the nodes" not in signed_in("olli").get(url(order)).content.decode(), "an older review"


def test_an_approver_decides_in_the_foot_and_reads_then_who_deploys(
    world: World, order: ReleaseOrder, signed_in: SignIn
) -> None:
    review = fresh(order, world)
    assert review.snapshot
    foot = signed_in("oskar").get(url(order)).content.decode().partition('id="deploy-foot"')[2]
    assert 'value="approve"' in foot and 'value="reject"' in foot and "Deploy to PRD" not in foot
    given = {"snapshot": review.snapshot.hash, "decision": "approve"}
    signed_in("oskar").post(url(order) + "decide/", given)
    page = signed_in("oskar").get(url(order))
    assert "You approved it. Olli may deploy it now." in words(page) and "Blocked by" not in words(page)
    assert "Deploy to PRD" in signed_in("olli").get(url(order)).content.decode().partition('id="deploy-foot"')[2]


def test_who_rejected_it_reads_that_in_the_foot(world: World, order: ReleaseOrder, signed_in: SignIn) -> None:
    review = fresh(order, world)
    assert review.snapshot
    given = {"snapshot": review.snapshot.hash, "decision": "reject", "comment": "freeze"}
    page = signed_in("oskar").post(url(order) + "decide/", given, follow=True)
    assert "You rejected it." in words(page).partition("snapshot")[2]
    content = page.content.decode()
    assert [gate.code for gate in page.context["closed_gates"]] == ["approved"], "one gate, not two"
    assert 'class="note success"' not in content and "tone-failed" in content.partition('class="card verdict')[2][:900]
    assert words(page).count("Oskar rejected it: freeze") == 1


def test_the_wrong_last_four_are_refused_once(world: World, order: ReleaseOrder, signed_in: SignIn) -> None:
    review = fresh(order, world)
    assert review.snapshot
    signed_in("oskar").post(url(order) + "decide/", {"snapshot": review.snapshot.hash, "decision": "approve"})
    refused = deploy(signed_in("olli"), order, review, last_four="0000")
    assert words(refused).count("Type the last four of this order's number") == 1


def test_the_only_one_left_to_deploy_is_warned_before_approving(
    world: World, order: ReleaseOrder, signed_in: SignIn
) -> None:
    fresh(order, world)
    assert "nobody is left to deploy" not in words(signed_in("olli").get(url(order)))
    Membership.objects.filter(user=world.people["oskar"]).delete()
    said = words(signed_in("olli").get(url(order)))
    assert "If you approve, nobody is left to deploy it: let Petra approve, and deploy it yourself." in said
    assert "nobody is left to deploy" not in words(signed_in("petra").get(url(order)))
    Space.objects.filter(pk=world.spaces["prd"].pk).update(approver_roles=["operations"])
    assert "can give one more person the role" in words(signed_in("olli").get(url(order)))


def test_passed_gates_are_folded_and_the_diff_comes_first(world: World, order: ReleaseOrder, signed_in: SignIn) -> None:
    made = {
        "kind": "Service",
        "name": "ck",
        "action": "create",
        "changes": [],
        "lines": ["---", "+++", "@@ -0,0 +1 @@", "+a"],
    }
    fresh(order, world, diff=[made])
    page = signed_in("olli").get(url(order)).content.decode()
    verdict = page.partition('class="card verdict')[2].partition("</section>")[0]
    shown, _mark, folded = verdict.partition('id="passed-gates"')
    assert 'class="open"' not in shown and 'class="open"' in folded and 'class="closed"' not in folded
    assert page.index('id="diff-title"') < page.index('id="compared-title"')
    diff = page.partition('id="diff-title"')[2].partition("</section>")[0]
    assert "will be created" in diff and " open>" not in diff, "what is created is folded"
