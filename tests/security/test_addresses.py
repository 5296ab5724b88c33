"""Every address of the product, as the registry has it: who gets in, what outsiders learn, and that reading writes
nothing. What an address may beyond that is declared below; a new one without a declaration fails here."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape
from typing import Any
from urllib.parse import quote, unquote
from uuid import uuid4

import pytest
from django.apps import apps
from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse
from django.test import Client

from accounts.models import Token
from components.models import ComponentSettings, ImageRegistry, JenkinsServer
from environments.models import Cluster
from foundation.encryption import encrypted_fields
from prism4k.errors import RECORDED
from tests.cast import make_world
from tests.security.scene import Route, Scene, browse, make_scene, routes

pytestmark = pytest.mark.django_db

PUBLIC = frozenset(
    {
        "/livez", "/readyz", "/language/", "/sign-in/", "/api/v1/sign-in/", "/api/schema/", "/api/docs/",
        "/hooks/jenkins/claim", "/hooks/jenkins/report", "/hooks/servers/<str:kind>/<str:key>", "/switch/",
    }
)  # fmt: skip
"""Without signing in. Hooks have secrets of their own, and ``/switch/`` is there on a database of the demo alone."""

OWN = frozenset(
    {
        "/", "/approvals/", "/approvals/next/", "/search/", "/search/palette/", "/keys/", "/admin/", "/rule-changes/",
        "/environments/", "/projects/", "/components/", "/components/new/", "/templates/", "/new-template/", "/orders/",
        "/explain/", "/groups/", "/break-glass/", "/api/v1/groups/",
        "/compare/", "/twins/", "/api/v1/twins/", "/trains/", "/trains/new/", "/api/v1/trains/",
        "/drp/", "/api/v1/drp/",
        "/deployments/", "/api/v1/deployments/",
        "/calendar/", "/api/v1/calendar/", "/api/v1/calendar/day/",
        "/figures/", "/figures/export/", "/api/v1/figures/",
        "/base-images/", "/orders/new/", "/orders/new/branches/", "/orders/new/git-tags/", "/orders/new/before/",
        "/me/", "/me/sessions/", "/me/tokens/", "/sign-out/", "/me/theme/", "/me/password/", "/me/sessions/others/",
        "/api-call/", "/base-images/archive/",
        "/api/v1/sign-out/", "/api/v1/me/", "/api/v1/me/password/", "/api/v1/me/sessions/", "/api/v1/tokens/",
        "/api/v1/organisations/", "/api/v1/projects/", "/api/v1/environments/", "/api/v1/environments/<slug:slug>/",
        "/api/v1/rule-changes/", "/api/v1/components/", "/api/v1/templates/", "/api/v1/base-images/",
        "/api/v1/base-images/archive/", "/api/v1/orders/", "/api/v1/explanations/", "/api/v1/break-glasses/",
        "/api/v1/scale-requests/", "/api/v1/holds/", "/api/v1/schedules/", "/freezes/", "/freezes/new/", "/calendars/",
        "/api/v1/freezes/", "/api/v1/calendars/",
        "/notifications/", "/notifications/read/", "/notifications/browser/", "/api/v1/notifications/",
        "/api/v1/notifications/read/",
        "/me/notifications/", "/api/v1/me/notifications/", "/api/v1/me/mutes/",
        "/api/v1/me/watches/", "/api/v1/me/mentions/", "/api/v1/me/filters/", "/orders/filters/",
    }
)  # fmt: skip
"""For everybody who is signed in: what is one's own, and lists that hold what one may see."""

SITE = re.compile(
    r"^(/api/v1)?/(people|clusters|jenkins-servers|git-servers|registries|servers|new-server|organisations|audit|health"
    r"|environments)/|^/(projects|groups)/(new/|<slug:slug>/edit/)|/spaces/(new/|.*/(edit|grants)/)"
)
"""For roles of the whole site: everybody else is refused with 403 and told whom to ask."""

EVERYTHING = [*routes()]
QUERIES = {
    "/search/": "?q=proxy", "/search/palette/": "?q=proxy",
    "/orders/new/branches/": "?component=sis-omm/sis-omm-proxy-gw",
    "/orders/new/git-tags/": "?component=sis-omm/sis-omm-proxy-gw",
    "/orders/new/before/": "?component=sis-omm/sis-omm-proxy-gw&branch=master",
    "log/search/": "?q=error", "scalings/": "?replicas=3", "checkout/": "?commit=" + "c0ffee" * 6 + "abcd",
}  # fmt: skip


@pytest.fixture(scope="module")
def scene(django_db_setup: None, django_db_blocker: Any) -> Iterator[Scene]:
    """Made once: what is refused leaves it as it is, and at the end it is rolled back."""
    with django_db_blocker.unblock(), transaction.atomic():
        yield make_scene(make_world())
        transaction.set_rollback(True)


def address(scene: Scene, route: Route, *, absent: bool = False) -> str:
    query = next((query for end, query in QUERIES.items() if route.template.endswith(end)), "")
    if "templates/<" in route.template:
        query = "?project=sis-omm"
    return scene.path(route.template, absent=absent) + query


def ways() -> Iterator[tuple[Route, str]]:
    """Every address with each of its verbs."""
    for route in EVERYTHING:
        for method in route.methods:
            yield route, method


def asked(client: Client, method: str, path: str, *, is_api: bool) -> Any:
    if method == "get":
        return client.get(path)
    return client.generic(
        method.upper(), path, "{}" if is_api else "",
        content_type="application/json" if is_api else "application/x-www-form-urlencoded",
    )  # fmt: skip


# ---------------------------------------------------------------- who gets in
@pytest.mark.security("rights-on-every-way-in")
def test_what_is_declared_above_exists() -> None:
    templates = {route.template for route in EVERYTHING}
    assert len(templates) > 200
    assert templates >= PUBLIC | OWN
    assert not PUBLIC & OWN


@pytest.mark.security("rights-on-every-way-in", "stolen-or-made-up-tokens")
@pytest.mark.parametrize("word", ["", "Bearer anything"])
def test_nobody_gets_in_unsigned(scene: Scene, word: str) -> None:
    """Neither without a token nor with any text in the place of one, to any address, with any of its verbs."""
    client, let_in = Client(raise_request_exception=False, headers={"Authorization": word} if word else {}), []
    for route, method in ways():
        if route.template in PUBLIC or (word and not route.is_api):
            continue
        answer = asked(client, method, scene.path(route.template), is_api=route.is_api)
        if route.is_api:
            is_shut = answer.status_code == 401 and answer["WWW-Authenticate"] == "Token"
        else:
            is_shut = answer.status_code == 405 or (
                answer.status_code == 302 and answer["Location"].startswith("/sign-in/")
            )
        if not is_shut:
            let_in.append((method, route.template, answer.status_code))
    assert let_in == []


@pytest.mark.security("rights-on-every-way-in", "guessed-ids")
def test_an_outsider_learns_nothing_of_a_project(scene: Scene) -> None:
    """What is there and what is not are told alike, word for word, with any verb."""
    # A fragment says the same as its page in a tenth of the time.
    client, told, tried = browse(scene.world, "otto", headers={"HX-Request": "true"}), [], 0
    for route, method in ways():
        if route.template in PUBLIC | OWN or SITE.search(route.template):
            continue
        tried += 1
        paths = [
            address(scene, route),
            *([address(scene, route, absent=True)] if method == "get" else []),
        ]
        answers = [asked(client, method, path, is_api=route.is_api) for path in paths]
        texts = [without_what_differs(answer, path) for answer, path in zip(answers, paths, strict=True)]
        # Fields may be refused before anybody looks for the thing.
        plain = {404, 405} if method == "get" else {400, 404, 405}
        if len(set(texts)) > 1 or {answer.status_code for answer in answers} - plain:
            told.append((method, route.template, [answer.status_code for answer in answers]))
    assert told == []
    assert tried > 150


def without_what_differs(answer: Any, path: str) -> str:
    """The answer without its own address, its number, and the secrets of its forms."""
    text = answer.content.decode()
    path = path.partition("?")[0]
    for part in (path, quote(path, safe="")):
        text = text.replace(part, "")
    return re.sub(r"""\b[A-Z0-9]{10}\b|"csrfmiddlewaretoken" value="\w+|nonce="[^"]+|X-CSRFToken[^}]+""", "", text)


@pytest.mark.security("rights-on-every-way-in")
@pytest.mark.parametrize("username", ["dana", "otto"])
def test_what_is_for_the_whole_site_is_refused_to_others(scene: Scene, username: str) -> None:
    client, let_in, tried = browse(scene.world, username, headers={"HX-Request": "true"}), [], 0
    for route in EVERYTHING:
        # Pages of people and places are read by one kind of person alike: each is asked once.
        if route.template in PUBLIC | OWN or not SITE.search(route.template) or (username == "otto") != route.is_api:
            continue
        answer = client.get(address(scene, route))
        tried += 1
        if answer.status_code not in (403, 405):
            let_in.append((route.template, answer.status_code))
    assert let_in == []
    assert tried > 20


# ---------------------------------------------------------------- forged requests
@pytest.mark.security("forged-requests")
def test_no_verb_acts_without_the_secret_of_its_page(scene: Scene, settings: Any) -> None:
    """A page of another site sends the cookie along, and nothing else."""
    settings.CSRF_FAILURE_VIEW = "tests.security.test_addresses.refused_for_its_secret"
    client, let_in, tried = browse(scene.world, "ada", enforce_csrf_checks=True), [], 0
    without_cookie = ("/hooks/", "/livez", "/readyz")
    with writes() as written:
        for route, method in ways():
            if method == "get" or route.template.startswith(without_cookie):
                continue
            tried += 1
            answer = asked(client, method, scene.path(route.template), is_api=route.is_api)
            if answer.status_code != 403 and route.template != "/api/v1/sign-in/":
                let_in.append((method, route.template, answer.status_code))
    assert let_in == []
    assert tried > 200
    assert [sql for sql in written if "audit_" not in sql] == []


def refused_for_its_secret(request: HttpRequest, reason: str = "") -> HttpResponse:
    """In the place of a whole page, which takes its time."""
    return HttpResponse(reason, status=403)


@contextmanager
def writes() -> Iterator[list[str]]:
    """The beginnings of statements that write to the database meanwhile."""
    found: list[str] = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if re.match(r"\s*(INSERT|UPDATE|DELETE|REPLACE)", sql, re.IGNORECASE):
            found.append(sql[:160])
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        yield found


# ---------------------------------------------------------------- reading
READING_WRITES = frozenset({"/audit/export/", "/api/v1/audit/exports/"})
"""An export of the audit is in the audit."""
UNREAD = frozenset({"/api/schema/", "/livez", "/readyz"})
"""Made of no row that anybody wrote."""

LINKS = ((Cluster, "url"), (JenkinsServer, "url"), (ImageRegistry, "url"), (ComponentSettings, "git_url"))

LINK = re.compile(r"""\b(?:href|src|action|formaction|hx-get|hx-post)=["']?([^"'\s>]*)""", re.IGNORECASE)


@pytest.mark.security("forged-requests", "secrets-that-leak", "links-that-run")
@pytest.mark.parametrize(("part", "least"), [("site", 20), ("own", 20), ("project", 25), ("api", 40)])
def test_reading_writes_nothing_tells_no_secret_and_links_to_nothing_that_runs(
    scene: Scene, part: str, least: int
) -> None:
    """Each address once, as those who see most of it; rows hold secrets and links that no form would have taken."""
    secrets = plant_secrets(scene)
    plant_links(scene)
    wrote, told, ran, read = [], [], [], 0
    readers = {True: browse(scene.world, "ada"), False: browse(scene.world, "olli")}
    for route in EVERYTHING:
        if part_of(route) != part or "get" not in route.methods or route.template in UNREAD:
            continue
        client = readers[bool(SITE.search(route.template))]
        with writes() as written:
            answer = client.get(address(scene, route))
            text = b"".join(answer.streaming_content if answer.streaming else [answer.content]).decode()
        read += answer.status_code == 200
        # Who was refused what is in the audit; that a session is in use is noted once a minute.
        kept = [sql for sql in written if '"seen_at"' not in sql]
        if kept and answer.status_code not in RECORDED and route.template not in READING_WRITES:
            wrote.append((route.template, kept))
        told += [(route.template, name) for name, secret in secrets.items() if secret in text]
        ran += [(route.template, link) for link in LINK.findall(text) if runs(link)]
    assert wrote == []
    assert told == []
    assert ran == []
    assert read >= least


def part_of(route: Route) -> str:
    if route.is_api:
        return "api"
    if route.template in OWN | PUBLIC:
        return "own"
    return "site" if SITE.search(route.template) else "project"


def plant_secrets(scene: Scene) -> dict[str, str]:
    """A secret of its own in each column that keeps one; by table and column."""
    planted = {}
    for model in apps.get_models():
        columns = [field.name for field in encrypted_fields(model)]
        row = model._default_manager.first() if columns else None
        if row is None:
            continue
        for name in columns:
            planted[f"{model.__name__}.{name}"] = f"canary{uuid4().hex}"
            setattr(row, name, planted[f"{model.__name__}.{name}"])
        row.save()
    assert {"Cluster.token", "JenkinsServer.token", "GitServer.password", "ImageRegistry.password"} <= set(planted)
    dana = scene.world.dana
    session = f"canary{uuid4().hex}"
    dana.browser_sessions.update(session_key=session)
    kept = {"a password": dana.password, "a token": Token.objects.get(user=dana).digest, "a session": session}
    return planted | kept


def plant_links(scene: Scene) -> None:
    """What came past the checks, by an older version or by SQL."""
    runs_here = "javascript:alert(1)//"
    scene.order.promotions.update(report_url=runs_here)
    scene.order.builds.update(build_number=7)
    for model, name in LINKS:
        model._default_manager.update(**{name: runs_here})


def runs(link: str) -> bool:
    return bool(re.match(r"\W*(javascript|vbscript|data)\W*:", unescape(unquote(link)), re.IGNORECASE))
