"""Every act of the pages can be copied as an API call, and the copied command does what the page does."""

from __future__ import annotations

import inspect
import json
import shlex
from collections.abc import Iterator
from datetime import timedelta
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.http import HttpResponse, QueryDict
from django.test import Client, RequestFactory
from django.urls import URLPattern, URLResolver, get_resolver
from drf_spectacular.generators import SchemaGenerator

from accounts.services import create_token
from components.models import Allocation, Component, ComponentSettings, ConfigVersion
from desk.api_calls import call_of, calls_of
from desk.api_calls.curl import curl_of
from desk.api_calls.forms import read_forms
from desk.api_calls.operations import operations
from desk.api_calls.routes import declared, not_in_api
from environments.models import Freeze, Membership, Space
from releases.models import Comment, ReleaseOrder
from tests.cast import World

WRITES = ("post", "put", "patch", "delete")


# ---------------------------------------------------------------- both sides against the table
def _pages(resolver: URLResolver, namespace: str = "") -> Iterator[tuple[str, Any]]:
    for entry in resolver.url_patterns:
        if isinstance(entry, URLResolver):
            # The API under /api/v1/ has no names; hooks and health are no pages.
            yield from _pages(entry, entry.app_name or namespace)
        elif isinstance(entry, URLPattern) and entry.name and not hasattr(entry.callback, "view_class"):
            yield (f"{namespace}:{entry.name}" if namespace else entry.name), entry.callback


def _takes_post(view: Any) -> bool:
    """Says its source anything of POST? ``@act_view``, ``require_POST`` and friends are part of it."""
    source = inspect.getsource(inspect.unwrap(view))
    return "POST" in source or "@act_view" in source


@cache
def schema_writes() -> frozenset[tuple[str, str]]:
    paths = SchemaGenerator().get_schema(request=None, public=True)["paths"]
    return frozenset(
        (method.upper(), path)
        for path, methods in paths.items()
        for method in methods
        if method in WRITES and path.startswith("/api/")
    )


def registered() -> set[tuple[str, str]]:
    found = [operations()[route.operation] for routes in declared().values() for route in routes]
    return {(operation.method, operation.path) for operation in found}


def without_page() -> set[tuple[str, str]]:
    return {(operation.method, operation.path) for operation in operations().values() if operation.no_page}


def test_every_page_that_takes_a_post_can_be_copied_or_says_why_not() -> None:
    posts = {name for name, view in _pages(get_resolver()) if _takes_post(view)}
    assert {"releases:build", "environments:space-sync", "set-language", "accounts:password"} <= posts
    assert posts - set(declared()) - set(not_in_api()) == set()
    assert set(declared()) - posts == set(), "an entry of a page that is gone"
    assert set(not_in_api()) - posts == set()
    assert not set(not_in_api()) & set(declared())


def test_every_call_exists_in_the_schema() -> None:
    assert registered() - schema_writes() == set()


def test_every_write_of_the_api_is_on_a_page_or_says_why_not() -> None:
    assert len(schema_writes()) > 50
    assert schema_writes() - registered() - without_page() == set()
    assert without_page() - schema_writes() == set()
    assert without_page() & registered() == set()


# ---------------------------------------------------------------- the command
class Caller:
    """Copies a form of a page as a person, and runs the command with a token of theirs."""

    def __init__(self, world: World, username: str) -> None:
        self.user = world.people[username]
        self.browser = Client()
        self.browser.force_login(self.user, backend="accounts.backends.PasswordBackend")
        scopes = ["read", "build", "promote", "deploy", "admin"]
        _token, self.token = create_token(actor=self.user, name="curl", scopes=scopes, lifetime=timedelta(days=1))

    def copied(self, path: str, label: str) -> str:
        """The command that the page itself shows for the button."""
        page = self.browser.get(path)
        request = RequestFactory().get(path)
        request.user = self.user
        calls = {call.label: call for call in calls_of(request, page.content.decode())}
        (found,) = [call for name, call in calls.items() if name.startswith(label)] or [None]
        assert found, f"{path} offers {sorted(calls)}"
        assert all(f"{method} {path}</code>" in page.content.decode() for method, path in found.steps)
        return found.curl

    def filled(self, action: str, **values: Any) -> str:
        """The command for a form with these values, as the script asks for it."""
        answer = self.browser.post("/api-call/", {"_action": action, **values})
        assert answer.status_code == 200, answer.content
        return str(answer.json()["curl"])

    def run(self, curl: str) -> HttpResponse:
        """What a shell and curl would send, command by command; the last answer."""
        *before, last = curl.split("\ncurl ")
        for command in [*before]:
            assert self._send(f"curl {command}".replace("curl curl", "curl")).status_code == 200
        return self._send(f"curl {last}".replace("curl curl", "curl"))

    def _send(self, curl: str) -> HttpResponse:
        words = shlex.split(curl.replace("$PRISM4K_TOKEN", self.token).replace(" \\\n  -", " -"))
        assert words[:2] == ["curl", "-X"]
        method, url, headers, body = words[2], words[3], {}, ""
        for option, value in zip(words[4::2], words[5::2], strict=True):
            if option == "-H":
                name, _colon, text = value.partition(": ")
                headers[name] = text
            else:
                assert option == "-d"
                body = value
        assert headers["Authorization"] == f"Token {self.token}"
        parts = urlsplit(url)
        kind = headers.pop("Content-Type", "application/json")
        return Client().generic(
            method, f"{parts.path}?{parts.query}".rstrip("?"), body, content_type=kind, headers=headers
        )  # type: ignore[return-value]


@pytest.fixture
def order(world: World, component: Component) -> ReleaseOrder:
    return ReleaseOrder.objects.create(
        number="K8S20261120141209CK", component=component, project=component.project, branch="master",
        author=world.dana,
    )  # fmt: skip


def test_a_comment_copied_with_quotes_and_newlines_arrives_whole(world: World, order: ReleaseOrder) -> None:
    caller = Caller(world, "dana")
    text = 'it\'s "done" – $(rm -rf) `id` \\n\n第二行'
    answer = caller.run(caller.filled(f"/orders/{order.number}/comment/", text=text))
    assert answer.status_code == 201
    assert Comment.objects.get(order=order).text == text


def test_the_same_command_twice_is_one_act_and_copied_again_another(world: World, order: ReleaseOrder) -> None:
    caller = Caller(world, "dana")
    curl = caller.filled(f"/orders/{order.number}/comment/", text="once")
    assert [caller.run(curl).status_code for _twice in range(2)] == [201, 201]
    assert Comment.objects.count() == 1
    caller.run(caller.filled(f"/orders/{order.number}/comment/", text="once"))
    assert Comment.objects.count() == 2


def test_an_order_is_closed_by_the_command_of_its_own_page(world: World, order: ReleaseOrder) -> None:
    caller = Caller(world, "dana")
    curl = caller.filled(f"/orders/{order.number}/close/withdraw/", reason="not needed")
    assert f"/api/v1/orders/{order.number}/withdrawal/" in curl
    assert caller.run(curl).status_code == 200
    order.refresh_from_db()
    assert (order.state, order.closed_note) == ("closed", "not needed")


def test_a_page_shows_its_forms_as_they_stand(world: World, component: Component) -> None:
    caller = Caller(world, "dana")
    ComponentSettings.objects.create(component=component, number=98, name_zh="理财网关", build_command="ant\ndist")
    curl = caller.copied(f"/components/{component.project.slug}/{component.slug}/edit/", "Save")
    assert "allocations" not in curl, "hers are the settings alone"
    body = json.loads(shlex.split(curl)[-1])
    assert (body["name_zh"], body["build_command"], body["seen_number"]) == ("理财网关", "ant\ndist", 98)
    assert caller.run(curl).status_code == 200
    assert component.settings.latest("number").number == 98, "nothing changed, nothing saved"
    assert caller.run(curl.replace("理财网关", "收银")).status_code == 422, "the same key, another body"
    again = caller.copied(f"/components/{component.project.slug}/{component.slug}/edit/", "Save")
    changed = caller.run(again.replace("理财网关", "收银"))
    assert changed.status_code == 200
    assert component.settings.latest("number").name_zh == "收银"


def test_the_grid_and_a_configuration_are_saved_by_their_commands(world: World, component: Component) -> None:
    caller = Caller(world, "olli")
    amounts = {"replicas": "2", "cpu_request": "0.5", "cpu_limit": "1", "memory_request": "1", "memory_limit": "2"}
    typed = {f"fat-{name}": value for name, value in amounts.items()} | {"fat-seen_number": "0", "uat-seen_number": "0"}
    base = f"/components/{component.project.slug}/{component.slug}"
    Allocation.objects.all().delete()
    both = caller.filled(f"{base}/edit/", **typed, name_zh="理财", seen_number="", note="first")
    assert both.count("curl ") == 2 and "/settings/" in both and "/allocations/" in both
    assert caller.run(caller.filled(f"{base}/edit/", **typed, note="first")).status_code == 200
    assert [(row.environment.slug, row.replicas, row.note) for row in Allocation.objects.all()] == [("fat", 2, "first")]
    ConfigVersion.objects.all().delete()
    curl = caller.filled(
        f"{base}/configuration/fat/", seen_number="0", note="", env_name=["MODE", ""], env_value=["a'b", ""],
        env_secret=["", ""], env_key=["", ""], file_name=["app.conf", ""], file_text=["x=1\r\ny=2", ""],
    )  # fmt: skip
    assert caller.run(curl).status_code == 200
    row = ConfigVersion.objects.get()
    assert row.files == {"app.conf": "x=1\ny=2"}
    assert [(one["name"], one["value"]) for one in row.env] == [("MODE", "a'b")]
    assert (
        caller.browser.post("/api-call/", {"_action": f"{base}/edit/", "copy": "1", "name_zh": "x"}).status_code == 404
    )


def test_a_policy_and_a_membership_are_saved_by_their_commands(world: World) -> None:
    caller = Caller(world, "petra")
    curl = caller.copied("/spaces/sis-omm/uat/policy/", "Save")
    body = json.loads(shlex.split(curl)[-1])
    assert (body["asks_review"], body["approvals"], body["four_eyes"]) == (True, 0, False)
    changed = curl.replace('"four_eyes": false', '"four_eyes": true').replace('"approvals": 0', '"approvals": 1')
    assert caller.run(changed).status_code == 200
    space = Space.objects.get(environment__slug="uat")
    assert (space.four_eyes, space.approvals, space.settle_seconds) == (True, 1, world.spaces["uat"].settle_seconds)
    added = caller.filled(
        "/projects/sis-omm/members/", username="otto", role="grant", environment="fat", starts_at="",
        ends_at="2031-01-02T03:04", reason="help",
    )  # fmt: skip
    assert "2031-01-02T03:04:00+08:00" in added
    assert caller.run(added).status_code == 201
    assert Membership.objects.get(user=world.otto).ends_at.isoformat() == "2031-01-01T19:04:00+00:00"


@pytest.mark.security("secrets-that-leak")
def test_secrets_are_named_and_never_copied(world: World) -> None:
    caller = Caller(world, "ada")
    curl = caller.filled("/people/dana/password/", password="a very secret phrase")
    assert "secret phrase" not in curl and "<password>" in curl
    server = caller.filled(
        "/new-server/git/", host="git.example", name="Git", allow_http="on", username="u", password="hidden",
        ssh_key="", ca_pem="",
    )  # fmt: skip
    body = json.loads(shlex.split(server)[-1])
    assert body["password"] == "<password>" and "ssh_key" not in body and body["allow_http"] is True
    own = caller.filled("/me/password/", old="one", new="two")
    assert "Idempotency-Key" not in own


def test_settings_of_ones_own_are_saved_by_their_command(world: World) -> None:
    caller = Caller(world, "dana")
    assert caller.run(caller.filled("/me/", language="zh-hans", time_zone="", theme="dark")).status_code == 200
    world.dana.refresh_from_db()
    assert (world.dana.language, world.dana.theme, world.dana.single_keys) == ("zh-hans", "dark", False)


def test_an_outsider_copies_nothing_that_they_may_not_see(world: World, component: Component) -> None:
    outsider = Caller(world, "otto")
    curl = outsider.filled(f"/components/{component.project.slug}/{component.slug}/archive/", is_archived="yes")
    assert outsider.run(curl).status_code == 404
    component.refresh_from_db()
    assert not component.is_archived
    assert Client().post("/api-call/", {"_action": "/me/"}).status_code == 302


def test_a_freeze_and_its_calendar_are_made_by_the_commands_of_their_pages(world: World) -> None:
    caller = Caller(world, "petra")
    curl = caller.filled("/calendars/", where="sis-omm", name="Trading days")
    calendar = caller.run(curl.replace("<content of the file>", "2026-12-01"))
    assert calendar.status_code == 201
    weekly = {"where": "sis-omm/uat", "name": "Nights", "reason": "quiet", "kind": "weekly", "zone": "Asia/Shanghai"}
    times = {"opens": "22:00", "closes": "06:00", "weekdays": ["0", "4"], "is_window": "1", "calendar": ""}
    assert caller.run(caller.filled("/freezes/new/", **weekly, **times)).status_code == 201
    dates = weekly | {"kind": "dates", "calendar": str(calendar.json()["id"]), "where": "sis-omm"}
    assert caller.run(caller.filled("/freezes/new/", **dates, opens="09:00", closes="15:30")).status_code == 201
    of_project, of_space = Freeze.objects.order_by("-pk")
    assert (of_space.space, of_space.weekdays, of_space.is_window) == (world.spaces["uat"], [0, 4], True)
    assert (of_project.project, of_project.only_production) == (world.spaces["uat"].project, False)
    looked_at = caller.browser.post("/api-call/", {"_action": "/freezes/new/", **weekly, "preview": "1"})
    assert looked_at.status_code == 404, "the first click saves nothing"


@pytest.mark.parametrize(
    "action", ["", "/nowhere/", "https://elsewhere.example/x", "/sign-out/", "//", "\x00", "/orders/"]
)
def test_what_has_no_call_is_a_404(world: World, action: str) -> None:
    assert Caller(world, "dana").browser.post("/api-call/", {"_action": action}).status_code == 404


def test_repeated_acts_are_shown_once_with_their_number(world: World, component: Component) -> None:
    rows = "".join(
        f'<form method="post" action="/orders/K8S2026112014120{digit}CK/check/"><button>Check</button></form>'
        for digit in range(3)
    )
    request = RequestFactory().get("/orders/")
    request.user = world.dana
    (call,) = calls_of(request, rows)
    assert (call.label, call.count) == ("Check", 3)
    assert call.steps == (("POST", "/api/v1/orders/K8S20261120141200CK/check/"),)


# ---------------------------------------------------------------- reading forms
def test_a_form_is_read_as_a_browser_would_send_it() -> None:
    (form,) = read_forms(
        """<form method="get"><input name="q"><button>Find</button></form>
        <form method="POST" action="/x/?a=1&amp;b=2"><input type="hidden" name="csrfmiddlewaretoken" value="t">
        <input name="plain" value="a &amp; b"><input type="checkbox" name="on" checked>
        <input type="checkbox" name="off">
        <input type="radio" name="r" value="1"><input type="radio" name="r" value="2" checked>
        <input name="gone" value="x" disabled><input type="password" name="secret" value="never">
        <textarea name="text">\nfirst\n second</textarea>
        <select name="one"><option value="a">A</option><option value="b" selected>B</option></select>
        <select name="first"><option value="a">A</option><option value="b">B</option></select>
        <select name="many" multiple><option value="a" selected>A</option><option value="b" selected>B</option></select>
        <button type="button">No</button><button disabled>Neither</button>
        <button name="decision" value="approve"><svg><use href="#x"></use></svg>Approve <kbd>a</kbd>
        <span class="visually-hidden">hidden</span></button>
        <button formaction="/y/"><span>Look</span> here</button>
        <button aria-label="Spoken"><svg><use href="#x"/></svg></button>
        <button title="Title"><span class="visually-hidden">Hidden <b>word</b></span></button></form>"""
    )
    assert form.action == "/x/?a=1&b=2"
    assert form.fields == [
        ("plain", "a & b"), ("on", "on"), ("r", "2"), ("text", "first\n second"), ("one", "b"), ("first", "a"),
        ("many", "a"), ("many", "b"),
    ]  # fmt: skip
    assert [(button.label, button.action, button.name, button.value) for button in form.buttons] == [
        ("Approve", "", "decision", "approve"),
        ("Look here", "/y/", "", ""),
        ("Spoken", "", "", ""),
        ("Hidden word", "", "", ""),
    ]


def test_a_button_may_stand_outside_of_its_form() -> None:
    (form,) = read_forms(
        """<form id="f" method="post" action="/x/"><input name="a" value="1"></form>
        <button form="g">Other</button><button form="f" name="b" value="2">Send</button>"""
    )
    assert [(button.label, button.name) for button in form.buttons] == [("Send", "b")]
    assert form.fields == [("a", "1")]


def test_the_command_is_safe_to_paste() -> None:
    curl = curl_of("POST", "http://h/x'; rm -rf ~ #", {"a": "'$(id)'"})
    words = shlex.split(curl)
    assert words[3] == "http://h/x'; rm -rf ~ #"
    assert json.loads(words[-1]) == {"a": "'$(id)'"}


def test_a_relative_action_belongs_to_the_page(world: World) -> None:
    request = RequestFactory().get("/templates/prism.yaml/?project=sis-omm")
    request.user = world.dana
    call = call_of(request, "", QueryDict("body=x&note=&seen_number=1"))
    assert call is not None
    assert call.steps == (("POST", "/api/v1/templates/prism.yaml/versions/?project=sis-omm"),)


def test_a_form_says_the_fields_that_it_has(world: World) -> None:
    caller = Caller(world, "dana")
    theme = json.loads(shlex.split(caller.filled("/me/theme/", theme="dark"))[-1])
    assert theme == {"theme": "dark"}, "the switch of the theme has no box for single keys"
    token = json.loads(shlex.split(caller.filled("/me/tokens/", name="ci", days="7", scopes=["read", "build"]))[-1])
    assert token == {"name": "ci", "days": 7, "scopes": ["read", "build"]}
    ada = Caller(world, "ada")
    made = json.loads(
        shlex.split(
            ada.filled(
                "/clusters/new/", slug="two", name="2", url="https://k", token="t", registries="a.example\nb.example",
                client_cert_pem="PEM", verify_tls="on",
            )
        )[-1]
    )  # fmt: skip
    assert (made["registries"], made["token"], made["client_cert_pem"]) == (
        ["a.example", "b.example"],
        "<token>",
        "PEM",
    )
    assert made["verify_tls"] is True and "kubeconfig" not in made
