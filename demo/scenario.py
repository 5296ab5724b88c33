"""Carries one order through all environments, each act by the person whose act it is."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from demo import world
from demo.client import Cast, Refusal
from demo.report import People, Reached, Report
from demo.screen import Screen

READ_SECONDS = 0.25
FINAL = frozenset({"succeeded", "failed", "errored", "cancelled"})
BUILD_SECONDS = 3700.0
DEPLOY_SECONDS = 1000.0
SETTLE_SECONDS = 120.0
FREE_SECONDS = 120.0
"""How long somebody else's deployment of the component is waited for: an interrupted run may have left one."""
WAITED_FOR = frozenset({"stale", "gate-queue", "being-deployed"})
LOG_TAIL = 12
CARRIED_FOR = "make demo：从提交到生产 (from commit to production)"
Json = dict[str, Any]


class Failed(Exception):
    """The order did not get through; ``str()`` says where and why."""


@dataclass(frozen=True)
class Stage:
    """One environment: who promotes, who deploys, who approves, if anybody must."""

    environment: str
    promoter: str
    deployer: str
    approver: str = ""

    @property
    def label(self) -> str:
        """``FAT``."""
        return self.environment.upper()


STAGES = (
    Stage("fat", world.DEVELOPER, world.DEVELOPER),
    Stage("uat", world.TESTER, world.OPERATOR),
    Stage("prd", world.TESTER, world.OPERATOR, world.APPROVER),
    Stage("drp", world.TESTER, world.OPERATOR, world.APPROVER),
)


class Carrier:
    """One order of ``component`` (project/slug), from its creation to the last stage. Fills the report as it goes."""

    def __init__(self, people: Cast, screen: Screen, report: Report, said: str = CARRIED_FOR) -> None:
        self._people, self._screen, self._report, self._said = people, screen, report, said
        self._number, self._project = "", ""

    def carry(self, component: str, branch: str) -> None:
        """Raises Failed, Refusal, Away; the report then says how far it came."""
        self.begin(component, branch)
        for stage in STAGES:
            self.go_to(stage)
        self._ensure_one_digest()

    def begin(self, component: str, branch: str) -> str:
        """Create the order and build it; its number. Raises Failed, Refusal, Away."""
        self._create(component, branch)
        self._build()
        return self._number

    # ------------------------------------------------------------ create and build
    def _create(self, component: str, branch: str) -> None:
        developer = self._people[world.DEVELOPER]
        self._project = component.partition("/")[0]
        self._screen.title("Order")
        body = {"component": component, "branch": branch, "description": self._said}
        order = developer.post("orders/", body)
        self._number = self._report.order = order["number"]
        self._report.author = order["author"]
        self._screen.line(f"{self._number} created by {developer.username}: {component}, branch {branch}")

    def _build(self) -> None:
        developer = self._people[world.DEVELOPER]
        self._screen.title("Build")
        developer.post(f"orders/{self._number}/builds/")
        seen: dict[str, str] = {}

        def show(order: Json) -> bool:
            build = order["builds"][0]
            self._show_stages(build, seen)
            return build["state"] in FINAL and order["state"] != "building"

        order = self._read_until(show, BUILD_SECONDS, "the build to end")
        build = order["builds"][0]
        self._report.commit = order["commit"]
        self._report.image = f"{order['image']}:{self._number}" if order["image"] else ""
        self._report.digest = order["image_digest"]
        self._report.built = [one["started_by"] for one in reversed(order["builds"])]
        if order["state"] != "built":
            raise Failed(self._why_not_built(build))
        self._screen.line(f"image {self._report.image}")
        self._screen.line(f"digest {order['image_digest']}, commit {order['commit'][:12]}")

    def _show_stages(self, build: Json, seen: dict[str, str]) -> None:
        if build["contact_lost_since"] and not seen.get("contact"):
            self._screen.line(f"Jenkins has not answered since {build['contact_lost_since']}; it goes on by itself")
        seen["contact"] = build["contact_lost_since"] or ""
        for stage in build["stages"]:
            if seen.get(stage["name"]) != stage["state"]:
                seen[stage["name"]] = stage["state"]
                took = f"  {stage['duration_ms'] / 1000:.1f} s" if stage["state"] in FINAL else ""
                self._screen.line(f"{stage['name']:<32} {stage['state']}{took}")
        done = sum(stage["state"] in FINAL for stage in build["stages"])
        running = next(
            (stage["name"] for stage in build["stages"] if stage["state"] == "running"),
            build["queue_why"] or build["state"],
        )
        self._screen.bar(done / 5, f"{running}, {build['log_lines']} lines of log")

    def _why_not_built(self, build: Json) -> str:
        log = self._people[world.DEVELOPER].get(f"orders/{self._number}/builds/{build['attempt']}/log/")
        tail = "\n".join(f"    {line}" for line in log["text"].splitlines()[-LOG_TAIL:])
        why = build["message"] or build["reason"] or build["result"]
        return f"The build {build['state']}: {why}" + (f"\n  The end of its log:\n{tail}" if tail else "")

    # ------------------------------------------------------------ one environment
    def go_to(self, stage: Stage) -> None:
        """Promote, review, approve and deploy as the stage asks, to a verdict that has settled."""
        self._screen.title(stage.label)
        began = time.monotonic()
        space = self._people[stage.deployer].get(f"projects/{self._project}/spaces/{stage.environment}/")
        reached = Reached(stage.label, space["cluster"], people=People(promoted=self.promote(stage)))
        self._report.environments.append(reached)
        deployment = self.deploy(stage, reached)
        try:
            self._follow(stage, deployment, reached)
        finally:
            reached.seconds = round(time.monotonic() - began, 1)

    def deploy(self, stage: Stage, reached: Reached) -> int:
        """Begin the deployment, after what the stage asks for before it; its id."""
        needs_review = stage.environment != STAGES[0].environment
        body: Json = {"environment": stage.environment}
        if needs_review:
            review = self.review(stage)
            body |= {"snapshot": review["snapshot"], "live_fingerprint": review["live_fingerprint"]}
            if stage.approver:
                reached.people.approved.append(self.approve(stage, review["snapshot"]))
        deployer = self._people[stage.deployer]
        deployment = self._when_free(lambda: deployer.post(f"orders/{self._number}/deployments/", body))
        reached.people.deployed = deployment["deployed_by"]
        self._screen.line(f"deployed by {reached.people.deployed} to cluster {reached.cluster}")
        return int(deployment["id"])

    def promote(self, stage: Stage) -> str:
        """By the stage's promoter, with the tester's word where one is asked for; who it was."""
        tester = self._people[stage.promoter]
        body = {"environment": stage.environment}
        if stage.environment != STAGES[0].environment:
            body |= {"test_verdict": "passed", "note": "回归通过 (regression passed)"}
        promotion = self._when_free(lambda: tester.post(f"orders/{self._number}/promotions/", body))
        self._screen.line(f"promoted by {promotion['promoted_by']}")
        return str(promotion["promoted_by"])

    def review(self, stage: Stage) -> Json:
        """Operations review what deploying would do; a promotion has begun a review already, this joins it."""
        operator = self._people[stage.deployer]
        review = operator.post(f"orders/{self._number}/reviews/", {"environment": stage.environment})
        until = time.monotonic() + DEPLOY_SECONDS
        while review["state"] not in FINAL:
            self._ensure_time(until, f"the review for {stage.label}")
            self._screen.bar(0.5, f"review: {review['phase']}")
            time.sleep(READ_SECONDS)
            review = operator.get(f"orders/{self._number}/reviews/{review['id']}/")
        if review["state"] != "succeeded":
            raise Failed(f"The review for {stage.label} {review['state']}: {review['message'] or review['reason']}")
        findings = review["findings"]
        count = len(findings.get("warnings", []))
        told = f"{count} warning" if count == 1 else f"{count} warnings"
        self._screen.line(f"reviewed by {operator.username}: snapshot {review['snapshot'][:12]}, {told}")
        found: Json = review
        return found

    def approve(self, stage: Stage, snapshot: str) -> str:
        """By the stage's approver; who it was."""
        approver = self._people[stage.approver]
        body = {
            "environment": stage.environment,
            "snapshot": snapshot,
            "decision": "approve",
            "comment": "同意 (agreed)",
        }
        approval = approver.post(f"orders/{self._number}/approvals/", body)
        self._screen.line(f"approved by {approval['by']}")
        return str(approval["by"])

    def _follow(self, stage: Stage, deployment: int, reached: Reached) -> None:
        shown = ""

        def show(order: Json) -> bool:
            nonlocal shown
            place = _place(order, stage.environment)
            now = place["deployment"]
            progress = now["progress"] or {}
            ready, wanted = progress.get("ready", 0), progress.get("wanted", 0)
            reached.verdict, reached.ready = now["state"], f"{ready}/{wanted}"
            reached.digest = now["digest"] or ""
            line = f"pods ready {ready}/{wanted}{_pods(progress)}"
            if now["id"] == deployment and progress and line != shown:
                shown = line
                self._screen.line(line)
            self._screen.bar(ready / (wanted or 1), f"{stage.label} {now['phase']} {ready}/{wanted}")
            return now["id"] == deployment and now["state"] in FINAL

        order = self._read_until(show, DEPLOY_SECONDS, f"the verdict in {stage.label}")
        now = _place(order, stage.environment)["deployment"]
        if now["state"] != "succeeded":
            raise Failed(f"The deployment to {stage.label} {now['state']}: {now['message'] or now['reason']}")
        self._screen.line(f"succeeded, {reached.ready} ready{_entry(now['entry'])}")
        self._settle(stage)

    def _settle(self, stage: Stage) -> None:
        def show(order: Json) -> bool:
            place = _place(order, stage.environment)
            if place["unsettled_reason"]:
                raise Failed(f"After it had succeeded in {stage.label}: {place['unsettled_reason']}")
            self._screen.bar(0.9, f"{stage.label} settling")
            return place["settled_at"] is not None

        self._read_until(show, SETTLE_SECONDS, f"{stage.label} to settle")
        self._screen.line("settled")

    # ------------------------------------------------------------ looking
    def _read_until(self, show: Callable[[Json], bool], seconds: float, what: str) -> Json:
        until = time.monotonic() + seconds
        with self._screen.waiting():
            while True:
                order: Json = self._people[world.DEVELOPER].get(f"orders/{self._number}/")
                if show(order):
                    return order
                self._ensure_time(until, what)
                time.sleep(READ_SECONDS)

    def _when_free(self, act: Callable[[], Json]) -> Json:
        """An earlier run that was interrupted may still be deploying: its verdict is waited for."""
        until = time.monotonic() + FREE_SECONDS
        told = ""
        while True:
            try:
                return act()
            except Refusal as refusal:
                if refusal.code not in WAITED_FOR or time.monotonic() > until:
                    raise
                if told != str(refusal):
                    told = str(refusal)
                    self._screen.line(f"waiting: {told}")
                time.sleep(1.0)

    def _ensure_time(self, until: float, what: str) -> None:
        if time.monotonic() > until:
            raise Failed(f"Waited too long for {what}.")

    def _ensure_one_digest(self) -> None:
        digests = {self._report.digest, *(one.digest for one in self._report.environments)}
        if len(digests) != 1 or "" in digests:
            raise Failed(f"Not the same image everywhere: {', '.join(sorted(digests))}")


def _place(order: Json, environment: str) -> Json:
    found: Json = next(place for place in order["environments"] if place["environment"] == environment)
    return found


def _pods(progress: Json) -> str:
    """`` · ready 2 · creating 1``: the pods by state."""
    states: dict[str, int] = {}
    for pod in progress.get("pods", []):
        name = f"{pod['state']}{'' if pod['is_new'] else ' (old)'}"
        states[name] = states.get(name, 0) + 1
    return "".join(f" · {name} {count}" for name, count in sorted(states.items()))


def _entry(entry: Json) -> str:
    """``, its entry web:http/healthz answers with status 200``: the entry check that was the last word."""
    if entry.get("state") != "passed":
        return ""
    return f", its entry {entry['where']} answers with status {entry['status']}"
