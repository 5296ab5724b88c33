"""Every page that takes a POST, and how the same is done over the API. A test holds both sides to this table."""

from __future__ import annotations

from collections.abc import Callable

from components.models import GitServer, ImageRegistry, JenkinsServer
from components.services.components import FIELDS as SETTINGS
from components.services.servers import KEY_FIELDS, PLAIN_FIELDS, SECRET_FIELDS, Server
from desk.api_calls import bodies
from desk.api_calls.typed import Fields, Typed, Way

API = "/api/v1"
ORDER = f"{API}/orders/{{number}}/"
PLACE = f"{API}/components/{{project}}/{{slug}}/environments/{{environment}}/"
COMPONENT = f"{API}/components/{{project}}/{{slug}}/"
TEMPLATE = f"{API}/templates/{{name}}/"
PROJECT = f"{API}/projects/{{slug}}/"
SPACE = f"{PROJECT}spaces/{{environment}}/"
PERSON = f"{API}/people/{{username}}/"
CLUSTER = f"{API}/clusters/{{slug}}/"

OF_PROJECT = {"slug": "project"}
"""The pages of spaces call the project by its name, the API's addresses call it slug."""
REASON = Fields(given=("reason",))
PERSON_FIELDS = ("name", "name_en", "email", "note", "note_en")


def _has(name: str) -> Callable[[Typed], bool]:
    return lambda typed: name in typed.data


def _has_not(name: str) -> Callable[[Typed], bool]:
    return lambda typed: name not in typed.data


def _saves(name: str) -> Callable[[Typed], bool]:
    """Saving that part of a component's form; copying a column in it saves nothing."""
    return lambda typed: "copy" not in typed.data and any(given.endswith(name) for given in typed.data)


def _in_address(name: str, value: str) -> Callable[[Typed], bool]:
    return lambda typed: typed.kwargs.get(name) == value


def _preview_of(part: int) -> Callable[[Typed], str]:
    return lambda typed: typed.text("component").partition("/")[part]


def _server(model: type[Server], *, is_new: bool) -> Fields:
    plain = set(PLAIN_FIELDS[model]) - {"allow_http", "build_deadline_seconds"}
    return Fields(
        needed=((KEY_FIELDS[model],) if is_new else ()) + tuple(name for name in PLAIN_FIELDS[model] if name in plain),
        numbers=("build_deadline_seconds",) if model is JenkinsServer else (),
        flags=("allow_http",) if model is GitServer else (),
        secrets=SECRET_FIELDS[model],
    )


SERVERS: tuple[tuple[str, str, type[Server]], ...] = (
    ("jenkins", "jenkins-servers", JenkinsServer),
    ("git", "git-servers", GitServer),
    ("registry", "registries", ImageRegistry),
)


def _of_servers(make: Callable[[str, type[Server]], Way]) -> tuple[Way, ...]:
    """One way a kind of server, chosen by the kind in the page's address."""
    ways = []
    for kind, prefix, model in SERVERS:
        way = make(f"{API}/{prefix}/", model)
        ways.append(Way(way.method, way.path, way.body, way.names, _in_address("kind", kind)))
    return tuple(ways)


_ACCOUNTS: dict[str, tuple[Way, ...]] = {
    "accounts:settings": (
        Way("PATCH", f"{API}/me/", Fields(needed=("language", "time_zone", "theme"), flags=("single_keys",))),
    ),
    "accounts:theme": (Way("PATCH", f"{API}/me/", Fields(needed=("theme",))),),
    "accounts:password": (Way("PUT", f"{API}/me/password/", Fields(secrets=("old", "new")), takes_key=False),),
    "accounts:tokens": (
        Way(
            "POST",
            f"{API}/tokens/",
            Fields(needed=("name",), given=("project",), numbers=("days",), lists=("scopes",)),
            takes_key=False,
        ),
    ),
    "accounts:revoke-token": (Way("DELETE", f"{API}/tokens/{{key}}/"),),
}
_PLACES: dict[str, tuple[Way, ...]] = {
    "environments:environment-new": (
        Way(
            "POST",
            f"{API}/environments/",
            Fields(
                needed=("slug", "name", "name_en", "twin"),
                numbers=("position",),
                flags=("is_production",),
                lists=("follows",),
            ),
        ),
    ),
    "environments:environment-edit": (
        Way(
            "PATCH",
            f"{API}/environments/{{slug}}/",
            Fields(
                needed=("name", "name_en", "twin"), numbers=("position",), flags=("is_production",), lists=("follows",)
            ),
        ),
    ),
    "environments:space-new": (Way("POST", f"{PROJECT}spaces/", bodies.space, OF_PROJECT),),
    "environments:space-edit": (Way("PATCH", SPACE, bodies.space, OF_PROJECT),),
    "environments:space-policy": (Way("PATCH", f"{SPACE}policy/", bodies.policy, OF_PROJECT),),
    "environments:space-sync": (Way("POST", f"{SPACE}syncs/", None, OF_PROJECT),),
    "environments:cluster-new": (Way("POST", f"{API}/clusters/", bodies.cluster),),
    "environments:cluster-edit": (Way("PATCH", CLUSTER, bodies.cluster),),
    "environments:cluster-archive": (
        Way("DELETE", f"{CLUSTER}archive/", when=_has("restore")),
        Way("PUT", f"{CLUSTER}archive/", when=_has_not("restore")),
    ),
    "environments:cluster-tests": (Way("POST", f"{CLUSTER}tests/"),),
}
_PEOPLE: dict[str, tuple[Way, ...]] = {
    "environments:project-new": (Way("POST", f"{API}/projects/", bodies.project),),
    "environments:project-edit": (Way("PATCH", PROJECT, bodies.project),),
    "environments:project-archive": (
        Way("DELETE", f"{PROJECT}archive/", when=_has("restore")),
        Way("PUT", f"{PROJECT}archive/", REASON, when=_has_not("restore")),
    ),
    "environments:member-add": (
        Way(
            "POST",
            f"{PROJECT}members/",
            Fields(needed=("username", "role"), given=("environment", "reason"), moments=("starts_at", "ends_at")),
        ),
    ),
    "environments:member-end": (Way("DELETE", f"{PROJECT}members/{{number}}/"),),
    "environments:organisation-new": (
        Way("POST", f"{API}/organisations/", Fields(needed=("slug", "name", "name_en"))),
    ),
    "environments:organisation-edit": (
        Way("PATCH", f"{API}/organisations/{{slug}}/", Fields(needed=("name", "name_en"))),
    ),
    "environments:person-new": (
        Way("POST", f"{API}/people/", Fields(needed=("username", *PERSON_FIELDS), secrets=("password",))),
    ),
    "environments:person-edit": (Way("PATCH", PERSON, Fields(needed=PERSON_FIELDS)),),
    "environments:person-password": (Way("PUT", f"{PERSON}password/", Fields(secrets=("password",))),),
    "environments:person-active": (
        Way("PUT", f"{PERSON}active/", REASON, when=_has("activate")),
        Way("DELETE", f"{PERSON}active/", when=_has_not("activate")),
    ),
    "environments:site-role-add": (
        Way("POST", f"{PERSON}roles/", Fields(needed=("role",), given=("reason",), moments=("ends_at",))),
    ),
    "environments:site-role-end": (Way("DELETE", f"{PERSON}roles/{{number}}/"),),
}
_COMPONENTS: dict[str, tuple[Way, ...]] = {
    "components:new": (Way("POST", f"{API}/components/", Fields(needed=("project", "name"))),),
    "components:edit": (
        Way(
            "PUT",
            f"{COMPONENT}settings/",
            Fields(needed=(*SETTINGS, "note"), numbers=("seen_number",)),
            when=_saves("name_zh"),
        ),
        Way("PUT", f"{COMPONENT}allocations/", bodies.grid, when=_saves("-replicas")),
    ),
    "components:archive": (Way("PUT", f"{COMPONENT}archive/", bodies.is_archived),),
    "components:configuration": (
        Way("PUT", f"{COMPONENT}configurations/{{environment}}/", bodies.configuration, when=_has_not("more")),
    ),
    "components:template-new": (
        Way("POST", f"{API}/templates/", Fields(needed=("kind", "name", "body"), given=("project", "note"))),
    ),
    "components:template": (
        Way(
            "POST",
            f"{TEMPLATE}versions/",
            Fields(needed=("body", "note"), numbers=("seen_number",)),
            query=("project",),
        ),
    ),
    "components:template-archive": (Way("PUT", f"{TEMPLATE}archive/", bodies.is_archived, query=("project",)),),
    "components:template-trial": (Way("POST", f"{TEMPLATE}trials/", Fields(needed=("body",)), query=("project",)),),
    "components:template-preview": (Way("POST", f"{COMPONENT}previews/", bodies.preview),),
    "components:base-images": (Way("POST", f"{API}/base-images/", Fields(needed=("image",), given=("note",))),),
    "components:base-image-archive": (Way("PUT", f"{API}/base-images/archive/", bodies.archived_image),),
    "components:server-new": _of_servers(lambda path, model: Way("POST", path, _server(model, is_new=True))),
    "components:server": _of_servers(lambda path, model: Way("PATCH", f"{path}{{key}}/", _server(model, is_new=False))),
    "components:server-archive": _of_servers(
        lambda path, _m: Way("PUT", f"{path}{{key}}/archive/", bodies.is_archived)
    ),
    "components:server-test": _of_servers(
        lambda path, _m: Way("POST", f"{path}{{key}}/tests/", Fields(given=("subject",)))
    ),
    "components:toolchain": (
        Way("PUT", f"{API}/projects/{{project}}/toolchain/", Fields(needed=("jenkins", "registry"))),
    ),
}
_RELEASES: dict[str, tuple[Way, ...]] = {
    "releases:new": (Way("POST", f"{API}/orders/", bodies.order),),
    "releases:build": (Way("POST", f"{ORDER}builds/", Fields(given=("commit",))),),
    "releases:stop": (Way("POST", f"{ORDER}builds/{{attempt}}/stop/"),),
    "releases:check": (Way("POST", f"{ORDER}check/"),),
    "releases:comment": (Way("POST", f"{ORDER}comments/", Fields(needed=("text",))),),
    "releases:close": (
        Way("POST", f"{ORDER}return/", REASON, when=_in_address("act", "return")),
        Way("POST", f"{ORDER}withdrawal/", REASON, when=_in_address("act", "withdraw")),
        Way("POST", f"{ORDER}closing/", REASON, when=_in_address("act", "done")),
    ),
    "releases:promote": (
        Way("POST", f"{ORDER}promotions/", Fields(place=("environment",), given=("word", "note", "report_url"))),
    ),
    "releases:withdraw-promotion": (Way("POST", f"{ORDER}promotions/{{pk}}/withdrawal/", REASON),),
    "releases:review": (Way("POST", f"{ORDER}reviews/", Fields(place=("environment",))),),
    "releases:decide": (
        Way(
            "POST",
            f"{ORDER}approvals/",
            Fields(place=("environment",), needed=("snapshot", "decision"), given=("comment",)),
        ),
    ),
    "releases:withdraw-approval": (Way("POST", f"{ORDER}approvals/{{pk}}/withdrawal/"),),
    "releases:deploy": (
        Way(
            "POST",
            f"{ORDER}deployments/",
            Fields(place=("environment",), given=("snapshot", "live_fingerprint")),
        ),
    ),
    "releases:cancel": (Way("POST", f"{API}/deployments/{{pk}}/cancellation/"),),
    "releases:restart": (Way("POST", f"{PLACE}restarts/"),),
    "releases:scale": (Way("POST", f"{PLACE}scalings/", Fields(numbers=("replicas",))),),
    "releases:roll-back": (Way("POST", f"{PLACE}roll-backs/", bodies.roll_back),),
}
_DESK: dict[str, tuple[Way, ...]] = {
    "desk:wake": (Way("POST", f"{API}/health/{{kind}}/{{pk}}/wake/"),),
}

REGISTRY = _ACCOUNTS | _PLACES | _PEOPLE | _COMPONENTS | _RELEASES | _DESK

FROM_FORM: dict[str, dict[str, Callable[[Typed], str]]] = {
    "components:template-preview": {"project": _preview_of(0), "slug": _preview_of(2)},
}
"""Parameters of the API's path that the page has in its form, not in its address."""

UNSAID = {
    "accounts:sign-in": "opens a browser's session; the API has tokens (POST /api/v1/sign-in/)",
    "accounts:sign-out": "ends a browser's session; the API ends its token (POST /api/v1/sign-out/)",
    "accounts:switch": "demo data only: be somebody else",
    "set-language": "a cookie of visitors; who is signed in has it among the settings (PATCH /api/v1/me/)",
    "components:check": "saves nothing: what a save would say to the grid, while it is typed",
    "components:look": "reads: GET /api/v1/components/{project}/{slug}/branches/",
    "desk:api-call": "writes nothing: says a form as an API call",
}
"""Pages that take a POST and have no call, each with the reason."""

WITHOUT_PAGE = {
    ("POST", f"{API}/sign-in/"): "the page has a session instead of a token",
    ("POST", f"{API}/sign-out/"): "the page has a session instead of a token",
    ("PUT", f"{COMPONENT}allocations/{{environment}}/"): "the component's form saves all environments at once",
}
"""Writes of the API that no page makes in this very form, each with the reason."""


def ways_of(view_name: str, typed: Typed) -> list[Way]:
    """How the API does what this form does: mostly one call, two where a form saves two things; none without one."""
    return [way for way in REGISTRY.get(view_name, ()) if way.when(typed)]
