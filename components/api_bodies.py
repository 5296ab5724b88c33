"""Parts of bodies that are not one field of a form each: the grid, a configuration, the kind of a template."""

from __future__ import annotations

from collections.abc import Callable
from itertools import zip_longest

from components.forms import AmountsForm
from components.selectors import find_template
from foundation.api.routes import Body, FormInput

_AMOUNTS = tuple(name for name in AmountsForm.base_fields if name != "seen_number")
_VARIABLE = ("name", "value", "secret", "key")


def saves(name: str) -> Callable[[FormInput], bool]:
    """Saving that part of a component's form; copying a column in it saves nothing."""
    return lambda form: "copy" not in form.data and any(given.endswith(name) for given in form.data)


def grid(form: FormInput) -> Body:
    """The columns of the grid that have anything in them; each field begins with its environment."""
    end = "-seen_number"
    rows = []
    for place in [name.removesuffix(end) for name in form.data if name.endswith(end)]:
        amounts = {name: form.text(f"{place}-{name}").strip() for name in _AMOUNTS}
        if any(amounts.values()):
            rows.append({"environment": place, "seen_number": form.number(place + end), **amounts})
    return {"allocations": rows}


def configuration(form: FormInput) -> Body:
    """Rows of variables and files that are not empty."""
    columns = [form.data.getlist(f"env_{part}") for part in _VARIABLE]
    rows = [dict(zip(_VARIABLE, row, strict=True)) for row in zip_longest(*columns, fillvalue="")]
    files = zip_longest(form.data.getlist("file_name"), form.data.getlist("file_text"), fillvalue="")
    return {
        "env": [{part: text for part, text in row.items() if text} for row in rows if any(row.values())],
        "files": {name.strip(): text.replace("\r\n", "\n") for name, text in files if name.strip()},
    }


def preview_kind(form: FormInput) -> Body:
    """The kind is the template's."""
    template = find_template(form.user, form.kwargs["name"], project_slug=form.query.get("project", ""))
    return {"kind": template.kind}


def _part_of_component(part: int) -> Callable[[FormInput], str]:
    return lambda form: form.text("component").partition("/")[part]


PREVIEWED = {"project": _part_of_component(0), "slug": _part_of_component(2)}
"""The component that a template is previewed for is in the form, as project/slug."""
