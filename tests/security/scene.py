"""One of everything in a project, and the addresses that lead there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import uuid4

from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from accounts.models import BrowserSession
from accounts.services import create_token
from components.models import Component
from components.services.servers import start_server_test
from components.services.templates import start_preview, start_trial
from components.services.webhooks import make_webhook
from environments.models import Group, Membership, RuleChange
from environments.services.clusters import start_test
from environments.services.freezes import make_freeze
from environments.services.spaces import edit_policy
from notifications.models import Dispatch, Notice
from notifications.services.webhooks import make_webhook as make_outgoing
from releases.models import DrpRun, DrpSwitch, LogChunk, Placement, Review, ScaleRequest, Schedule, Turn
from releases.services import approvals, promotions
from releases.services.break_glass import open_break_glass
from releases.services.holds import hold
from releases.services.saved_filters import save_filter
from tests import cast
from tests.cast import World
from tests.releases.rows import make_built, make_component, make_order, make_review, make_success, make_template
from trains.models import Train, TrainOrder, TrainRun

_PARAMETER = re.compile(r"<(\w+:)?(\w+)>")


@dataclass(frozen=True)
class Route:
    """An address as it is registered; ``name`` is empty for the API."""

    template: str
    name: str
    view: Any

    @property
    def is_api(self) -> bool:
        return self.template.startswith("/api/v1/")

    @property
    def methods(self) -> tuple[str, ...]:
        """What an address of the API takes; a page says it when it is asked."""
        if actions := getattr(self.view, "actions", None):
            return tuple(verb for verb in actions if verb != "head")
        found = getattr(self.view, "cls", None) or getattr(self.view, "view_class", None)
        if found is None:
            return ("get", "post")
        return tuple(verb for verb in ("get", "post", "put", "patch", "delete") if hasattr(found, verb))


def routes(resolver: URLResolver | None = None, before: str = "/", space: str = "") -> Iterator[Route]:
    """Every address of the product."""
    for entry in (resolver or get_resolver()).url_patterns:
        template = before + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from routes(entry, template, entry.app_name or space)
        elif isinstance(entry, URLPattern):
            yield Route(template, f"{space}:{entry.name}" if space and entry.name else entry.name or "", entry.callback)


@dataclass
class Scene:
    """Parts of addresses: what stands before a parameter, and its value; the first that fits counts."""

    world: World
    values: list[tuple[str, str]]
    order: Any
    snapshot: Any
    deployment: Any

    def path(self, template: str, *, absent: bool = False) -> str:
        """The address of something real; or of the same kind of thing that is not there."""
        found = template
        while parameter := _PARAMETER.search(found):
            before, name = found[: parameter.start()], parameter[2]
            value = next(value for pattern, value in self.values if re.search(rf"(?:{pattern})$", f"{before}<{name}>"))
            found = before + value + found[parameter.end() :]
        return _gone(template, found) if absent else found


def _gone(template: str, path: str) -> str:
    """The same address, but its last name or number is that of nothing."""
    parts, shown = template.split("/"), path.split("/")
    # What stands in a closed list in code, and what is asked of a cluster or a log, is no row.
    no_rows = ("<slug:kind>", "<slug:act>", "<str:pod>", "<int:line>")
    for index in reversed(range(len(parts))):
        if parts[index].startswith("<") and parts[index] not in no_rows:
            kind = parts[index].partition(":")[0]
            shown[index] = {"<int": "999999", "<uuid": "00000000-0000-4000-8000-000000000000"}.get(
                kind, "no-such-thing"
            )
            break
    return "/".join(shown)


def make_scene(world: World) -> Scene:
    """SIS-OMM with an order that was built, deployed to FAT, and waits for its approval for production."""
    component = make_component(world)
    order = make_built(component, world.dana)
    LogChunk.objects.create(build=order.builds.get(), offset=0, first_line=1, text="one\nerror: two\n")
    promotions.promote(actor=world.dana, order=order, space=world.spaces["fat"])
    deployment = make_success(order, world.spaces["fat"], world.olli)
    make_success(order, world.spaces["uat"], world.olli)
    promotion = promotions.promote(actor=world.tess, order=order, space=world.spaces["prd"], test_verdict="passed")
    review = make_review(order, world.spaces["prd"])
    approval = approvals.approve(actor=world.oskar, snapshot=review.snapshot)
    world.spaces["prd"].approvals = 2
    world.spaces["prd"].save()
    edit_policy(actor=world.petra, space=world.spaces["prd"], reason="year-end", approvals=1)
    Membership.objects.create(user=world.tess, role="break_glass", project=world.project, granted_by=world.petra)
    glass = open_break_glass(actor=world.tess, order=order, space=world.spaces["drp"], reason="night", minutes=60)
    held = hold(
        actor=world.tess, space=world.spaces["drp"], reason="still testing", ends_at=timezone.now() + timedelta(days=1)
    )
    frozen = make_freeze(
        actor=world.petra, project=world.project, name="Month end", reason="accounts are closed", kind="once",
        begins_at=timezone.now() + timedelta(days=8), ends_at=timezone.now() + timedelta(days=9),
    )  # fmt: skip
    template = make_template("dockerfile", "own", "FROM x\n")
    template.project = world.project
    template.save()
    preview = start_preview(actor=world.dana, component=component, kind="dockerfile", body="FROM x")
    used = make_template("deployment", "prism-python-deployment.yaml", "")
    batch = start_trial(actor=world.dana, template=used, body="kind: Deployment\n")
    jenkins = component.project.toolchain.jenkins
    make_webhook(actor=world.ada, server=jenkins)
    token, _secret = create_token(actor=world.dana, name="t", scopes=["read"], lifetime=timedelta(days=1))
    session = BrowserSession.objects.create(user=world.dana, session_key="k")
    turn = Turn.objects.create(
        order=order, placement=Placement.objects.get(space=world.spaces["prd"], component=component),
        asked_by=world.olli, state="cancelled",
    )  # fmt: skip
    asked = ScaleRequest.objects.create(
        order=order, space=world.spaces["prd"], placement=turn.placement, snapshot=review.snapshot, replicas_before=2,
        replicas=0, reason="quiet hours", asked_by=world.olli, created_at=timezone.now(),
        expires_at=timezone.now() + timedelta(days=1),
    )  # fmt: skip
    back = Review.objects.create(
        order=order, component=component, space=world.spaces["prd"], wanted_snapshot=review.snapshot,
        requested_by=world.olli, asked_why="it counts wrong", state="succeeded",
    )  # fmt: skip
    planned = Schedule.objects.create(
        order=order, space=world.spaces["prd"], snapshot=review.snapshot, asked_by=world.olli, state="cancelled",
        due_at=timezone.now() + timedelta(days=1),
    )  # fmt: skip
    test = start_test(actor=world.ada, cluster=world.cluster)
    start_server_test(actor=world.ada, server=jenkins)
    hook, _made = make_outgoing(
        actor=world.petra, project=world.project, name="team", url="https://93.184.216.34/hook", kinds=["built"]
    )
    dispatch = Dispatch.objects.create(
        webhook=hook, number=uuid4(), key="built:scene", kind="built", text="built", path="/", at=timezone.now(),
        state="failed",
    )  # fmt: skip
    notice = Notice.objects.create(
        person=world.dana, kind="built", key="scene", project=world.project, order=order, message="built", path="/",
        at=timezone.now(),
    )  # fmt: skip
    group_role = Membership.objects.create(group=Group.objects.create(slug="night", name="夜班"), role="auditor")
    member = make_member(world, component)
    kept = save_filter(actor=world.dana, name="Built", query="state=built")
    values = [
        (r"trains/\d+/orders/<number>", member.order.number), ("trains/<pk>", member.train_id),
        ("drp/<pk>", make_drp(world).pk),
        ("filters/<pk>", kept.pk),
        ("orders/<number>", order.number), ("builds/<attempt>", "1"), ("lines/<line>", "1"),
        ("close/<act>", "withdraw"),
        ("break-glass(?:es)?/<pk>", glass.pk), ("holds/<pk>", held.pk), ("freezes/<pk>", frozen.pk),
        ("promotions/<pk>", promotion.pk), ("/reviews/<pk>", review.pk), ("approvals/<pk>", approval.pk),
        ("deployments/<pk>", deployment.pk), ("turns/<pk>", turn.pk), ("schedules/<pk>", planned.pk),
        ("scale-requests/<pk>", asked.pk), ("roll-back(?:-reviews)?/<pk>", back.pk),
        ("previews/<pk>", preview.pk), ("trials/<batch>", batch),
        ("notifications/<pk>", notice.pk), ("webhooks/<pk>", hook.pk),
        (f"webhooks/{hook.pk}/deliveries/<number>", dispatch.pk),
        ("health/<kind>", "preview"), ("health/preview/<pk>", preview.pk),
        ("sessions/<number>", session.pk), ("tokens/<key>", token.token_key),
        ("projects/<slug>|<project>", world.project.slug), ("clusters/<slug>", world.cluster.slug),
        ("organisations/<slug>", world.organisation.slug), ("environments/<slug>", "prd"),
        ("<environment>", "prd"), ("sis-omm/<slug>", component.slug), ("pods/<pod>", "proxy-gw-1"),
        ("members/<number>", Membership.objects.get(user=world.tess, role="tester").pk),
        ("groups/<slug>", group_role.group.slug), ("groups/night/roles/<number>", group_role.pk),
        ("roles/<number>", Membership.objects.get(user=world.uma).pk), ("people/<username>", "uma"),
        ("rule-changes/<number>", RuleChange.objects.get().pk), ("clusters/main/tests/<number>", test.pk),
        ("templates/<name>", "own"), ("versions/<number>", "1"), ("<kind>", "jenkins"), ("hooks/.*<key>", "0"),
        ("git-servers/<key>", "127.0.0.1:9"), ("<key>", "main"),
    ]  # fmt: skip
    return Scene(world, [(pattern, str(value)) for pattern, value in values], order, review.snapshot, deployment)


def make_drp(world: World) -> DrpSwitch:
    """A drill that waits for its second person."""
    now = timezone.now()
    row = DrpSwitch.objects.create(
        space=world.spaces["drp"], kind="drill", reason="quarter", asked_by=world.olli, asked_at=now,
        ends_at=now + timedelta(minutes=15),
    )  # fmt: skip
    DrpRun.objects.create(switch=row)
    return row


def make_member(world: World, component: Component) -> TrainOrder:
    """An order of a train to production."""
    train = Train.objects.create(space=world.spaces["prd"], name="Night", created_by=world.dana)
    TrainRun.objects.create(train=train)
    return TrainOrder.objects.create(train=train, order=make_order(component, world.dana))


browse = partial(cast.browse, raise_request_exception=False)
"""What fails inside is an answer here, as it is for somebody who attacks."""
