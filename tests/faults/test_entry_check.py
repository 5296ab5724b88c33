"""The entry check as the last word of a verdict: through the Service, by URL, with patience, and with nobody to ask."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from django.conf import LazySettings

from components.services import save_entry_check
from deployer.adapters.kubernetes import KubernetesCluster
from deployer.errors import Unavailable
from deployer.interfaces import EntryAnswer
from releases.models import Deployment, Snapshot
from releases.services import deployments
from tests.site import Site

pytestmark = pytest.mark.slow

SERVICE = {"kind": "service", "path": "/healthz", "patience_seconds": "1"}


def ask(site: Site, values: dict[str, Any] | None = None, place: str = "", **more: str) -> None:
    """Sets the entry check."""
    environment = site.world.environments[place] if place else None
    save_entry_check(
        actor=site.world.olli, component=site.component, environment=environment,
        values={**(SERVICE if values is None else values), **more},
    )  # fmt: skip


def events_of(deployment: Deployment) -> list[str]:
    return list(deployment.order.events.order_by("seq").values_list("kind", flat=True))


class Entry(BaseHTTPRequestHandler):
    """Answers as its server's ``says``; the times that it was asked are counted."""

    def do_GET(self) -> None:
        server: Any = self.server
        server.asked.append((self.path, dict(self.headers)))
        status, headers, body = server.says
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Quiet."""


@contextmanager
def entry(status: int = 200, body: bytes = b"all is well", **headers: str) -> Iterator[Any]:
    """An application on loopback."""
    server: Any = ThreadingHTTPServer(("127.0.0.1", 0), Entry)
    server.says, server.asked = (status, headers, body), []
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


def url_of(server: Any, path: str = "/") -> dict[str, Any]:
    return {"kind": "url", "url": f"http://127.0.0.1:{server.server_address[1]}{path}", "patience_seconds": "1"}


@pytest.fixture(autouse=True)
def open_loopback(settings: LazySettings) -> None:
    settings.OUTBOUND_ALLOW = ["http", "127.0.0.0/8"]


# ---------------------------------------------------------------- through the Service
def test_an_entry_that_answers_is_the_last_word(site: Site) -> None:
    ask(site)
    run = site.deploy(site.order_with_image())
    assert (run.state, run.entry["state"], run.entry["status"]) == ("succeeded", "passed", 200), run.message
    assert "answers as expected, with status 200" in str(run.message) and run.entry["where"].endswith(":http/healthz")
    assert run.entry["since"] and run.entry["seconds"] > 0


def test_one_that_answers_500_fails_with_that_cause_and_a_mended_one_succeeds(site: Site) -> None:
    ask(site)
    run = site.deploy(site.order_with_image("entry 500"))
    assert (run.state, run.reason, run.entry["state"]) == ("failed", "entry", "failed")
    assert run.diagnosis["code"] == "entry_status" and run.entry["asked"] >= 2, "it had its patience"
    assert "answers with status 500; expected is 200-399" in str(run.message)
    assert run.diagnosis["log"], "the log of a pod behind it is kept"
    assert site.deploy(site.order_with_image()).state == "succeeded"


@pytest.mark.parametrize(
    ("scenario", "more", "code"),
    [
        ("entry refused", {}, "entry_refused"),
        ("entry cut", {}, "entry_broken"),
        ("entry hangs", {}, "entry_timeout"),
        ("entry elsewhere", {"statuses": "200"}, "entry_redirect"),
        ("", {"text": "all is well"}, "entry_text"),
        ("", {"header": "X-Ready"}, "entry_header"),
        ("", {"statuses": "204"}, "entry_status"),
    ],
    ids=lambda value: str(value).replace(" ", "-")[:20],
)
def test_the_cause_is_told(site: Site, scenario: str, more: dict[str, str], code: str) -> None:
    ask(site, **more)
    run = site.deploy(site.order_with_image(scenario))
    assert (run.state, run.reason, run.diagnosis["code"]) == ("failed", "entry", code), run.message


def test_what_is_expected_may_be_said(site: Site) -> None:
    ask(site, statuses="200-299", text='"ready": true', header="Content-Type: json")
    assert site.deploy(site.order_with_image()).state == "succeeded"
    ask(site, statuses="302")
    assert site.deploy(site.order_with_image("entry elsewhere")).state == "succeeded", "a redirect that was asked for"


def test_a_failed_entry_rolls_back_where_the_space_says_so_and_that_asks_as_well(site: Site) -> None:
    ask(site)
    good = site.deploy(site.order_with_image())
    site.change_space("fat", auto_rollback=True)
    failed = site.deploy(site.order_with_image("entry 500"))
    back = site.finish(Deployment.objects.get(cause=failed))
    assert (back.state, back.snapshot_id, back.entry["state"]) == ("succeeded", good.snapshot_id, "passed")


def test_a_roll_back_asks_what_its_snapshot_asked(site: Site) -> None:
    ask(site)
    first = site.deploy(site.order_with_image())
    ask(site, text="not said anywhere")
    second = site.deploy(site.order_with_image())
    assert (second.state, second.reason) == ("failed", "entry")
    back = site.finish(deployments.roll_back(actor=site.world.olli, space=site.space("fat"), to=first))
    assert (back.state, back.entry["state"]) == ("succeeded", "passed"), back.message


def test_restart_asks_and_scale_to_nothing_does_not(site: Site) -> None:
    ask(site)
    site.deploy(site.order_with_image())
    who: dict[str, Any] = {"actor": site.world.olli, "space": site.space("fat")}
    again = site.finish(deployments.restart(**who, placement=site.place("fat")))
    assert (again.state, again.entry["state"]) == ("succeeded", "passed")
    none = site.finish(deployments.scale(**who, placement=site.place("fat"), replicas=0))
    assert (none.state, none.entry) == ("succeeded", {"state": "skipped"}), none.message


def test_the_check_is_part_of_what_was_reviewed(site: Site) -> None:
    order = site.order_with_image()
    site.deploy(order)
    plain = Snapshot.objects.get(order=order)
    ask(site)
    site.deploy(order)
    newest = Snapshot.objects.filter(order=order).latest("pk")
    assert newest.hash != plain.hash and newest.manifests == plain.manifests
    assert newest.entry_check is not None and plain.entry_check is None


# ---------------------------------------------------------------- nobody to ask
def test_a_cluster_that_is_away_while_it_is_asked_is_lost_contact_and_no_failure(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(site)
    run = site.finish(site.start(site.order_with_image()), lambda row: row.phase == "checking")

    def away(*_: Any, **__: Any) -> EntryAnswer:
        raise Unavailable("The cluster cannot be reached.")

    with monkeypatch.context() as patched:
        patched.setattr(KubernetesCluster, "ask_service", away)
        site.step_all()
        row = Deployment.objects.get(pk=run.pk)
        assert row.is_active and row.contact_lost_since and not row.entry.get("asked"), row.entry
    assert site.finish(row).state == "succeeded"


def test_a_time_out_counts_only_where_the_cluster_answers_after_it(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    ask(site)
    run = site.finish(site.start(site.order_with_image()), lambda row: row.phase == "checking")

    def away(*_: Any, **__: Any) -> Any:
        raise Unavailable("The cluster cannot be reached.")

    with monkeypatch.context() as patched:
        patched.setattr(KubernetesCluster, "ask_service", lambda *_: EntryAnswer("entry_timeout"))
        patched.setattr(KubernetesCluster, "observe", away)
        site.step_all()
        row = Deployment.objects.get(pk=run.pk)
        assert row.is_active and row.contact_lost_since and not row.entry.get("asked")
    assert site.finish(row).state == "succeeded"


def test_a_missing_right_is_said_in_the_review(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    ask(site)
    monkeypatch.setattr(KubernetesCluster, "may_ask_services", lambda *_: False)
    run = site.deploy(site.order_with_image())
    assert (run.state, run.reason) == ("failed", "refused")
    assert "lacks the right to get services/proxy" in str(run.message) and not run.applied


def test_a_right_that_is_taken_away_is_a_platform_error_and_judges_nobody(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(site)
    good = site.deploy(site.order_with_image())
    site.change_space("fat", auto_rollback=True)
    refusal = EntryAnswer("entry_unasked", words="it lacks a right.", is_asked=False)
    monkeypatch.setattr(KubernetesCluster, "ask_service", lambda *_: refusal)
    run = site.deploy(site.order_with_image("slow 0"))
    assert (run.state, run.reason, run.entry["state"]) == ("errored", "refused", "unasked")
    assert "nobody knows what it answers: it lacks a right" in str(run.message)
    assert not Deployment.objects.filter(cause=run).exists(), "nothing is rolled back for that"
    assert site.place("fat").last_succeeded_id == good.pk


def test_a_port_that_no_service_has_is_said_in_the_review(site: Site) -> None:
    ask(site, port="admin")
    run = site.deploy(site.order_with_image())
    assert (run.state, run.reason) == ("failed", "manifest") and not run.applied
    assert "asks port admin, and no Service has it. There is:" in str(run.message)


# ---------------------------------------------------------------- what else happens meanwhile
def test_a_change_from_outside_while_it_is_asked_is_no_success(site: Site) -> None:
    ask(site, patience_seconds="60")
    run = site.finish(site.start(site.order_with_image("entry 503")), lambda row: bool(row.entry.get("asked")))
    path = f"/apis/apps/v1/namespaces/{site.space('fat').namespace}/deployments/{site.component.slug}"
    site.cluster._session.ask(
        "PATCH", path, [("fieldManager", "kubectl-edit")], {"spec": {"replicas": 3}},
        content_type="application/merge-patch+json",
    )  # fmt: skip
    run = site.finish(run)
    assert (run.state, run.reason) == ("failed", "conflict"), run.message


def test_it_can_be_cancelled_while_it_is_asked(site: Site) -> None:
    ask(site, patience_seconds="600")
    run = site.finish(site.start(site.order_with_image("entry 500")), lambda row: bool(row.entry.get("asked")))
    assert run.is_active and run.entry["diagnosis"]["code"] == "entry_status" and run.entry["failing_since"]
    deployments.cancel_deployment(actor=site.world.olli, deployment=run)
    assert site.finish(run).state == "cancelled"


def test_the_deadline_of_the_space_counts_against_any_patience(site: Site) -> None:
    ask(site, patience_seconds="600")
    run = site.finish(site.start(site.order_with_image("entry 500")), lambda row: bool(row.entry.get("asked")))
    site.change_space("fat", deploy_deadline_seconds=1)
    assert (run := site.finish(run)).reason == "entry", run.message


def test_a_pass_that_was_killed_is_made_again(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    ask(site)
    run = site.finish(site.start(site.order_with_image()), lambda row: row.phase == "checking")
    before = events_of(run)
    with monkeypatch.context() as patched:

        def killed(*_: Any, **__: Any) -> None:
            raise SystemExit

        patched.setattr("releases.steps.deployment.entry.judge_answer", killed)
        with pytest.raises(SystemExit):
            site.step_all()
    assert events_of(run) == before
    Deployment.objects.filter(pk=run.pk).update(lease_until="2020-01-01T00:00:00Z", next_at="2020-01-01T00:00:00Z")
    ended = site.finish(run)
    assert ended.state == "succeeded" and events_of(ended).count("deployment.succeeded") == 1


# ---------------------------------------------------------------- by URL
def test_a_url_is_asked_without_credentials(site: Site) -> None:
    with entry() as server:
        ask(site, url_of(server, "/healthz?deep=1"), text="all is well")
        run = site.deploy(site.order_with_image())
    assert (run.state, run.entry["state"], run.entry["status"]) == ("succeeded", "passed", 200), run.message
    path, headers = server.asked[0]
    assert path == "/healthz?deep=1" and headers["User-Agent"] == "prism4k-entry-check"
    assert not {"Authorization", "Cookie"} & set(headers)


def test_a_url_that_nobody_serves_fails(site: Site) -> None:
    with entry() as server:
        gone = url_of(server)
    ask(site, gone)
    run = site.deploy(site.order_with_image())
    assert (run.state, run.diagnosis["code"]) == ("failed", "entry_refused")


def test_one_environment_has_its_own(site: Site) -> None:
    ask(site, text="never said")
    with entry() as server:
        ask(site, url_of(server), place="fat")
        assert site.deploy(site.order_with_image()).state == "succeeded"


@pytest.mark.security("requests-to-inner-hosts")
def test_an_address_that_was_closed_since_is_not_asked(site: Site, settings: LazySettings) -> None:
    with entry() as server:
        ask(site, url_of(server))
        settings.OUTBOUND_ALLOW = ["http"]
        run = site.deploy(site.order_with_image())
    assert (run.state, run.reason) == ("failed", "refused") and "not on the list of allowed networks" in str(
        run.message
    )
    assert not server.asked
