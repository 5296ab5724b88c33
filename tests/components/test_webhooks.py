"""Webhooks of servers: one secret each, shown once; what is not theirs, old or repeated changes nothing."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

import audit
from audit.models import AuditEvent
from components import services
from components.models import BranchTip, ComponentSettings, GitServer, RepositoryRead, Webhook, WebhookDelivery
from components.services import webhooks
from foundation.clock import PARKED
from foundation.runs.driving import drive
from tests import deliveries as sent
from tests.components.conftest import ORIGINAL, Shop
from tests.components.stand_ins import git, make_repository, serving

HOOK = "/hooks/servers/git/gitlab.sis.example"


@pytest.fixture(autouse=True)
def _fresh_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhooks, "_limits", webhooks._Limits())


@pytest.fixture
def secret(shop: Shop) -> str:
    """Of the shop's Git server; a component is built from a repository there."""
    services.save_settings(actor=shop.world.dana, component=shop.component, values=ORIGINAL)
    return services.make_webhook(actor=shop.world.ada, server=shop.git)[1]


def push(client: Client, body: Any, headers: dict[str, str], path: str = HOOK) -> Any:
    raw = body if isinstance(body, bytes) else sent.encoded(body)
    return client.post(path, raw, content_type="application/json", headers=headers)


def row() -> Webhook:
    return Webhook.objects.get()


# ---------------------------------------------------------------- the secret
def test_the_secret_is_shown_once(client: Client, shop: Shop) -> None:
    url, hook = (reverse(f"components:{name}", args=["git", shop.git.host]) for name in ("server", "server-webhook"))
    client.force_login(shop.world.ada)
    answer = client.post(hook)
    assert answer.status_code == 200 and answer["Cache-Control"] == "no-store"
    shown = re.search(r'data-copy="([0-9a-f]{64})"', answer.content.decode())
    assert shown is not None and row().secret == shown[1]
    again = client.get(url).content.decode()
    assert shown[1] not in again and "http://127.0.0.1:8000/hooks/servers/git/gitlab.sis.example" in again
    assert client.post(hook).status_code == 200
    assert row().secret != shown[1]
    events = list(AuditEvent.objects.filter(verb__endswith="_webhook").order_by("pk"))
    assert [event.verb for event in events] == ["make_webhook", "renew_webhook"]
    assert not any(shown[1] in f"{event.before}{event.after}" for event in events)


def test_only_who_may_edit_the_server_may_have_a_secret(client: Client, shop: Shop, secret: str) -> None:
    for who, status in (("uma", 403), ("dana", 403), ("otto", 403)):
        client.force_login(getattr(shop.world, who))
        for name in ("server-webhook", "server-webhook-end"):
            assert client.post(reverse(f"components:{name}", args=["git", shop.git.host])).status_code == status
        assert client.post(f"/api/v1/git-servers/{shop.git.host}/webhook/").status_code == status
        assert client.delete(f"/api/v1/git-servers/{shop.git.host}/webhook/").status_code == status
    assert row().secret == secret


def test_over_the_api(client: Client, shop: Shop) -> None:
    client.force_login(shop.world.ada)
    for path in ("git-servers/gitlab.sis.example", "jenkins-servers/main", "registries/harbor"):
        url = f"/api/v1/{path}/webhook/"
        assert client.get(url).status_code == 404
        made = client.post(url)
        assert made.status_code == 201 and len(made.json()["secret"]) == 64
        seen = client.get(url).json()
        assert "secret" not in seen and (seen["accepted"], seen["refused"], seen["refusal"]) == (0, 0, "")
        assert seen["address"].startswith("http://127.0.0.1:8000/hooks/servers/")
        assert client.post(url, '{"secret": "mine"}', content_type="application/json").status_code == 400
        assert client.delete(url).status_code == 204
        assert client.get(url).status_code == 404
    assert not Webhook.objects.exists()


def test_an_archived_server_gets_no_secret(client: Client, shop: Shop) -> None:
    services.archive_server(actor=shop.world.ada, server=shop.git)
    client.force_login(shop.world.ada)
    assert client.post(f"/api/v1/git-servers/{shop.git.host}/webhook/").status_code == 409


# ---------------------------------------------------------------- pushes
def test_a_push_makes_a_read_due(client: Client, shop: Shop, secret: str) -> None:
    answer = push(client, sent.gitlab_push(), sent.gitlab_headers(secret))
    assert (answer.status_code, answer.json()) == (202, {"accepted": True})
    found = RepositoryRead.objects.get()
    assert found.git_url == ORIGINAL["git_url"] and found.next_at < timezone.now() + timedelta(seconds=10)
    assert found.wakes == 1
    assert (row().accepted, row().refused, row().refusal) == (1, 0, "")
    assert not BranchTip.objects.exists(), "nothing of the body is taken for a fact"


@pytest.mark.parametrize(
    ("repository", "reads"),
    [("SIS-OMM/Proxy-GW", 1), ("omm/proxy-gw", 0), ("sis-omm/proxy-gw2", 0), ("proxy-gw", 1), ("", 0), ("/", 0)],
)
def test_only_repositories_that_components_are_built_from(
    client: Client, shop: Shop, secret: str, repository: str, reads: int
) -> None:
    assert push(client, sent.gitlab_push(repository), sent.gitlab_headers(secret)).status_code == 202
    assert RepositoryRead.objects.count() == reads


def test_a_server_wakes_reads_of_its_own_repositories_only(client: Client, shop: Shop, secret: str) -> None:
    other = GitServer.objects.create(host="other.example", name="Other")
    theirs = services.make_webhook(actor=shop.world.ada, server=other)[1]
    answer = push(client, sent.gitlab_push(), sent.gitlab_headers(theirs), "/hooks/servers/git/other.example")
    assert answer.status_code == 202 and not RepositoryRead.objects.exists()
    assert push(client, sent.gitlab_push(), sent.gitlab_headers(theirs)).status_code == 401


@pytest.fixture
def repository(shop: Shop, tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """Its folder behind the stand-in Git server, and its URL."""
    make_repository(tmp_path)
    with serving("sandbox.git", "--root", str(tmp_path / "served")) as host:
        server = GitServer.objects.create(host=host, name="Stand-in", allow_http=True)
        url = f"http://{host}/proxy-gw.git"
        ComponentSettings.objects.create(component=shop.component, number=1, git_url=url)
        services.make_webhook(actor=shop.world.ada, server=server)
        yield tmp_path / "served" / "proxy-gw.git", url


def test_after_a_push_the_tips_are_those_of_git(client: Client, shop: Shop, repository: tuple[Path, str]) -> None:
    folder, url = repository
    server = GitServer.objects.get(name="Stand-in")
    key = row().secret
    BranchTip.objects.create(git_url=url, branch="gone", commit="0" * 40, seen_at=timezone.now())
    for branch in ("release/1", "release/2"):
        git(folder, "branch", branch, "master")
        body = sent.encoded(sent.gitea_push("proxy-gw", branch))
        answer = push(client, body, sent.gitea_headers(key, body), f"/hooks/servers/git/{server.host}")
        assert answer.status_code == 202
        found = RepositoryRead.objects.get()
        drive("repository-read", found.pk, until=lambda row: row.next_at >= PARKED)
        tips = dict(BranchTip.objects.filter(git_url=url).values_list("branch", "commit"))
        assert tips[branch] == git(folder, "rev-parse", branch) and "gone" not in tips


def test_a_read_of_what_cannot_be_read_rests(client: Client, shop: Shop, secret: str) -> None:
    push(client, sent.gitlab_push(), sent.gitlab_headers(secret))
    services.archive_server(actor=shop.world.ada, server=shop.git)
    found = RepositoryRead.objects.get()
    drive("repository-read", found.pk, until=lambda row: row.next_at >= PARKED)


# ---------------------------------------------------------------- refusals
def test_an_address_that_is_none_is_refused_like_a_wrong_signature(client: Client, shop: Shop, secret: str) -> None:
    wrong = sent.gitlab_headers("0" * 64)
    said = push(client, sent.gitlab_push(), wrong)
    assert said.status_code == 401 and said["Content-Type"] == "application/problem+json"
    for path in ("git/unknown.example", "jenkins/main", "git/%00", "nothing/at-all", "git/a%20b"):
        other = push(client, sent.gitlab_push(), wrong, f"/hooks/servers/{path}")
        same = {name: value for name, value in other.json().items() if name not in ("instance", "request_number")}
        if "%00" in path:
            assert other.status_code == 404
            continue
        assert other.status_code == 401
        assert same.items() <= said.json().items()
    assert (row().accepted, row().refused) == (0, 1)
    assert "not the one that belongs to the secret" in str(row().refusal)
    assert not RepositoryRead.objects.exists() and not WebhookDelivery.objects.exists()
    assert not AuditEvent.objects.filter(outcome=audit.choices.Outcome.REFUSED).exists()


def test_a_delivery_counts_once(client: Client, shop: Shop, secret: str) -> None:
    body = sent.encoded(sent.gitea_push())
    assert push(client, body, sent.github_headers(secret, body)).status_code == 202
    RepositoryRead.objects.all().delete()
    # Under another number, which nobody signed.
    again = push(client, body, sent.github_headers(secret, body, number="another"))
    assert again.status_code == 409 and "came before" in again.json()["detail"]
    assert not RepositoryRead.objects.exists()
    assert (row().accepted, row().refused) == (1, 1) and "came before" in str(row().refusal)


def test_old_deliveries_are_forgotten(client: Client, shop: Shop, secret: str) -> None:
    push(client, sent.gitlab_push(), sent.gitlab_headers(secret, uuid="1"))
    WebhookDelivery.objects.update(received_at=timezone.now() - timedelta(days=4))
    push(client, sent.gitlab_push(), sent.gitlab_headers(secret, uuid="2"))
    assert WebhookDelivery.objects.count() == 1


@pytest.mark.security("floods")
def test_a_huge_body_is_refused(client: Client, shop: Shop, secret: str) -> None:
    body = b" " * (webhooks.MOST_BYTES + 1)
    for path in (HOOK, "/hooks/servers/git/unknown.example"):
        assert push(client, body, sent.github_headers(secret, body), path).status_code == 413
    assert row().refused == 1 and "1 MB" in str(row().refusal)
    most = sent.encoded(sent.gitea_push()).ljust(webhooks.MOST_BYTES)
    assert push(client, most, sent.github_headers(secret, most)).status_code == 202


@pytest.mark.security("floods")
def test_too_many_are_refused_and_written_once(client: Client, shop: Shop, secret: str) -> None:
    most = webhooks.MOST_A_MINUTE
    for _number in range(most):
        assert push(client, b"{}", sent.gitlab_headers("wrong")).status_code == 401
    for _number in range(3):
        assert push(client, sent.gitlab_push(), sent.gitlab_headers(secret)).status_code == 429
    assert row().refused == most + 1 and not RepositoryRead.objects.exists()
    webhooks._limits._since = time.monotonic() - 60
    assert push(client, sent.gitlab_push(), sent.gitlab_headers(secret)).status_code == 202


@pytest.mark.security("floods")
def test_an_address_that_is_none_has_the_same_limit(client: Client, shop: Shop, secret: str) -> None:
    answers = [
        push(client, b"{}", sent.gitlab_headers("wrong"), HOOK + "x").status_code
        for _number in range(webhooks.MOST_A_MINUTE + 1)
    ]
    assert set(answers[:-1]) == {401} and answers[-1] == 429


def test_another_body_is_refused_with_what_to_change(client: Client, shop: Shop, secret: str) -> None:
    body = b"payload=%7B%22ref%22%3A1%7D"
    answer = push(client, body, sent.github_headers(secret, body))
    assert answer.status_code == 400 and "application/json" in answer.json()["detail"]
    assert "application/json" in str(row().refusal)


def test_only_posts(client: Client, shop: Shop, secret: str) -> None:
    assert client.get(HOOK).status_code == 405


def test_no_token_of_a_browser_is_asked(shop: Shop, secret: str) -> None:
    strict = Client(enforce_csrf_checks=True)
    assert push(strict, sent.gitlab_push(), sent.gitlab_headers(secret)).status_code == 202


def test_an_ended_webhook_accepts_nothing(client: Client, shop: Shop, secret: str) -> None:
    services.end_webhook(actor=shop.world.ada, server=shop.git)
    assert push(client, sent.gitlab_push(), sent.gitlab_headers(secret)).status_code == 401
    assert not Webhook.objects.exists() and not RepositoryRead.objects.exists()


def test_an_archived_server_accepts_nothing(client: Client, shop: Shop, secret: str) -> None:
    services.archive_server(actor=shop.world.ada, server=shop.git)
    assert push(client, sent.gitlab_push(), sent.gitlab_headers(secret)).status_code == 401


def test_the_page_says_how_deliveries_went(client: Client, shop: Shop, secret: str) -> None:
    push(client, sent.gitlab_push(), sent.gitlab_headers(secret))
    push(client, sent.gitlab_push(), sent.gitlab_headers("wrong"))
    client.force_login(shop.world.uma)
    shown = client.get(reverse("components:server", args=["git", shop.git.host])).content.decode()
    assert "not the one that belongs to the secret" in shown and secret not in shown
    assert "Make a new secret" not in shown
