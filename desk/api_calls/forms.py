"""The forms of a rendered page: where each posts, with which values, by which buttons."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

Attributes = dict[str, str]
_UNREAD = frozenset({"submit", "button", "reset", "image", "file", "password"})


@dataclass
class Button:
    """What sends the form: its words, its own address if it has one, and the value that it adds."""

    label: str = ""
    action: str = ""
    name: str = ""
    value: str = ""
    aria_label: str = ""
    """What a screen reader says where nothing is to be read."""
    title: str = ""
    unseen: str = ""
    """Text that only a screen reader has."""
    is_primary: bool = field(default=False, init=False)

    def settle(self) -> None:
        """Chooses the label as ``labelOf`` in frontend/js/keys.js does."""
        self.label = " ".join(self.label.split()) or self.aria_label or " ".join(self.unseen.split()) or self.title


@dataclass
class PostForm:
    """A form as a browser would send it untouched."""

    action: str
    fields: list[tuple[str, str]] = field(default_factory=list)
    buttons: list[Button] = field(default_factory=list)
    count: int = 1
    """So many forms of the page are like this one but for what they act on."""


class _Reader(HTMLParser):
    """Fields and buttons of forms that post; what is disabled is not sent."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.forms: list[PostForm] = []
        self.form: PostForm | None = None
        self.button: Button | None = None
        self.silent = 0
        """How deep inside a button's sign or key."""
        self.unseen = 0
        self.area: tuple[str, list[str]] | None = None
        self.select: tuple[str, bool] | None = None
        self.chosen: list[str] = []
        self.first: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            is_post = given.get("method", "").lower() == "post"
            self.form = PostForm(given.get("action", "")) if is_post else None
            return
        if self.button is not None:
            self.silent += bool(self.silent or tag in ("kbd", "svg"))
            self.unseen += bool(self.unseen or "visually-hidden" in given.get("class", ""))
        if self.form is None:
            return
        if tag == "button" and given.get("type", "submit") == "submit" and "disabled" not in given:
            names = ("formaction", "name", "value", "aria-label", "title")
            self.button = Button("", *(given.get(name, "") for name in names))
            self.button.is_primary = "btn-primary" in given.get("class", "").split()
        elif tag == "input":
            self._input(self.form, given)
        elif tag == "textarea" and _is_sent(given):
            self.area = (given["name"], [])
        elif tag == "select" and _is_sent(given):
            self.select, self.chosen, self.first = (given["name"], "multiple" in given), [], None
        elif tag == "option" and self.select:
            value = given.get("value", "")
            self.first = value if self.first is None else self.first
            if "selected" in given:
                self.chosen.append(value)

    def _input(self, form: PostForm, given: Attributes) -> None:
        kind = given.get("type", "text")
        if not _is_sent(given) or kind in _UNREAD or given["name"] == "csrfmiddlewaretoken":
            return
        if kind in ("checkbox", "radio"):
            if "checked" in given:
                form.fields.append((given["name"], given.get("value", "on")))
            return
        form.fields.append((given["name"], given.get("value", "")))

    def handle_endtag(self, tag: str) -> None:
        if tag != "button":
            self.silent -= bool(self.silent)
            self.unseen -= bool(self.unseen)
        if tag == "form":
            if self.form is not None:
                self.forms.append(self.form)
            self.form = self.button = self.area = self.select = None
            self.silent = self.unseen = 0
        elif self.form is None:
            return
        elif tag == "button" and self.button:
            self.button.settle()
            self.form.buttons.append(self.button)
            self.button, self.silent, self.unseen = None, 0, 0
        elif tag == "textarea" and self.area:
            name, parts = self.area
            # A browser drops the first line break of a text area.
            self.form.fields.append((name, "".join(parts).removeprefix("\r").removeprefix("\n")))
            self.area = None
        elif tag == "select" and self.select:
            name, is_multiple = self.select
            chosen = self.chosen or ([] if is_multiple or self.first is None else [self.first])
            self.form.fields += [(name, value) for value in (chosen if is_multiple else chosen[-1:])]
            self.select = None

    def handle_data(self, data: str) -> None:
        if self.area:
            self.area[1].append(data)
        elif self.button is not None and not self.silent:
            if self.unseen:
                self.button.unseen += data
            else:
                self.button.label += data


def _is_sent(given: Attributes) -> bool:
    return bool(given.get("name")) and "disabled" not in given


_FORM = re.compile(r"<form\b([^>]*)>.*?</form>", re.DOTALL | re.IGNORECASE)
_METHOD = re.compile(r"""\bmethod=["']?post\b""", re.IGNORECASE)
_ACTION = re.compile(r"""\baction=["']([^"']*)""")
_ID = re.compile(r"""\bid="([^"]+)""")
_VALUES = re.compile(r"""=("[^"]*"|'[^']*')""")


def read_forms(html: str) -> list[PostForm]:
    """The forms of the page that post, in their order; of forms that differ in their values alone only the first.

    Only forms are parsed: a parser in Python takes 25 ms for the whole of a long list.
    """
    found: dict[tuple[str, str], PostForm] = {}
    actions: set[tuple[tuple[str, str], str]] = set()
    for match in _FORM.finditer(html):
        if not _METHOD.search(match[1]):
            continue
        action = _ACTION.search(match[1])
        address = action[1] if action else ""
        # The end of an address says which act it is: …/check/, …/archive/.
        text = match[0].removesuffix("</form>") + _outside(html, match[1])
        shape = (address.partition("?")[0].rstrip("/").rpartition("/")[2], _VALUES.sub("", text))
        if shape not in found:
            found[shape] = _parse(f"{text}</form>")
        elif (shape, address) not in actions:
            found[shape].count += 1
        actions.add((shape, address))
    return list(found.values())


def _outside(html: str, attributes: str) -> str:
    """Buttons and fields that stand elsewhere and name this form as theirs."""
    own = _ID.search(attributes)
    if own is None:
        return ""
    name = re.escape(own[1])
    return "".join(
        re.findall(
            rf"""<button\b[^>]*\bform="{name}"[^>]*>.*?</button>|<input\b[^>]*\bform="{name}"[^>]*>""", html, re.S
        )
    )


def _parse(html: str) -> PostForm:
    reader = _Reader()
    reader.feed(html)
    return reader.forms[0]
