"""Bodies that are not their form's fields one by one: grids, configurations, ceilings."""

from __future__ import annotations

from itertools import zip_longest

from components.forms import AmountsForm
from components.selectors import find_template
from desk.api_calls.typed import Body, Fields, Typed, number, words
from environments.ceilings import CEILINGS
from environments.models import Space
from environments.policy import POLICY_FIELDS

_AMOUNTS = tuple(name for name in AmountsForm.base_fields if name != "seen_number")
_VARIABLE = ("name", "value", "secret", "key")


def is_archived(typed: Typed) -> Body:
    """The archive's switch of the components' room."""
    return {"is_archived": typed.text("is_archived") != "no"}


def archived_image(typed: Typed) -> Body:
    """The same for a base image, which its body names."""
    return {"image": typed.text("image"), **is_archived(typed)}


def grid(typed: Typed) -> Body:
    """The columns of the grid that have anything in them; each field begins with its environment."""
    ends = "-seen_number"
    places = [name.removesuffix(ends) for name in typed.data if name.endswith(ends)]
    rows = []
    for place in places:
        amounts = {name: typed.text(f"{place}-{name}").strip() for name in _AMOUNTS}
        if any(amounts.values()):
            rows.append({"environment": place, "seen_number": number(typed.text(place + ends)), **amounts})
    return {"allocations": rows, "note": typed.text("note")}


def configuration(typed: Typed) -> Body:
    """Rows of variables and files that are not empty."""
    columns = [typed.data.getlist(f"env_{part}") for part in _VARIABLE]
    rows = [dict(zip(_VARIABLE, row, strict=True)) for row in zip_longest(*columns, fillvalue="")]
    files = zip_longest(typed.data.getlist("file_name"), typed.data.getlist("file_text"), fillvalue="")
    return {
        "env": [{part: text for part, text in row.items() if text} for row in rows if any(row.values())],
        "files": {name.strip(): text.replace("\r\n", "\n") for name, text in files if name.strip()},
        **Fields(needed=("note",), numbers=("seen_number",))(typed),
    }


def cluster(typed: Typed) -> Body:
    """A cluster; its credentials are named, never said."""
    fields = Fields(
        needed=("name", "url", "ca_pem", "client_cert_pem", "tls_server_name"),
        given=("slug",),
        flags=("verify_tls",),
        secrets=("kubeconfig", "token", "client_key_pem"),
    )
    body = fields(typed) | {"registries": words(typed.text("registries"))}
    return body | ({"forget_credentials": True} if "forget_credentials" in typed.data else {})


def project(typed: Typed) -> Body:
    """A project with whom to make its administrators."""
    fields = Fields(needed=("organisation", "name", "name_en", "description", "change_ticket_pattern"), given=("slug",))
    administrators = words(typed.text("administrators"))
    return fields(typed) | ({"administrators": administrators} if administrators else {})


def space(typed: Typed) -> Body:
    """Cluster, namespace and ceilings."""
    fields = Fields(needed=("cluster", "namespace"), given=("environment", "version"))
    return fields(typed) | {"ceilings": {ceiling.name: typed.text(ceiling.name) for ceiling in CEILINGS}}


def policy(typed: Typed) -> Body:
    """The policy's columns, each as its column is."""
    body: Body = {}
    for name in POLICY_FIELDS:
        kind = Space._meta.get_field(name).get_internal_type()
        if kind == "BooleanField":
            body[name] = name in typed.data
        elif kind == "JSONField":
            body[name] = typed.data.getlist(name)
        elif kind.endswith("IntegerField"):
            body[name] = number(typed.text(name))
        else:
            body[name] = typed.text(name)
    return body | {"version": typed.text("version")}


def preview(typed: Typed) -> Body:
    """The editor's text; the kind is the template's."""
    template = find_template(typed.user, typed.kwargs["name"], project_slug=typed.query.get("project", ""))
    return {"kind": template.kind, "body": typed.text("body")}


def order(typed: Typed) -> Body:
    """A new order; a repeat names the one that it repeats."""
    fields = Fields(needed=("component", "branch"), given=("description", "change_ticket"), flags=("changes_database",))
    repeated = typed.query.get("repeat", "")
    return fields(typed) | ({"repeat_of": repeated} if repeated else {})


def roll_back(typed: Typed) -> Body:
    """The deployment to go back to."""
    return {"deployment": number(typed.text("to"))}
