"""Templates and scripts write no words of their own: a page has one language, the reader's."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.conf import settings

from tests.locale.catalogues import templates

SAME_EVERYWHERE = frozenset(
    {"Prism4k", "Jenkins", "Kubernetes", "Build", "UTC", "API", "URL", "ms", "English", "中文", "v"}
)
"""Names that are the same in both languages, each language's own name, and the v of a version's number."""
EXAMPLES = frozenset({"app.properties"})

_HIDDEN = re.compile(
    r"\{#.*?#\}|\{%\s*comment.*?endcomment\s*%\}|\{%\s*blocktranslate.*?endblocktranslate\s*%\}", re.DOTALL
)
_DJANGO = re.compile(r"\{%.*?%\}|\{\{.*?\}\}", re.DOTALL)
_TAG = re.compile(r"<!?[a-zA-Z/][^>]*>")
_READ_OUT = re.compile(r"\b(?:title|placeholder|alt|aria-label)=(\"[^\"]*\"|'[^']*')")
_WORD = re.compile(r"[^\W\d_][^\s·:,;()]*")


def written_words(markup: str) -> list[str]:
    """Words that a reader sees or hears and that no translation gave."""
    plain = _DJANGO.sub(" ", _HIDDEN.sub(" ", markup))
    pieces = [match.strip("\"'") for match in _READ_OUT.findall(plain)]
    pieces.append(re.sub(r"&\w+;", " ", _TAG.sub(" ", plain)))
    return [word for piece in pieces for word in _WORD.findall(piece)]


def test_the_search_finds_what_it_is_for() -> None:
    assert written_words("<p>Save it</p>") == ["Save", "it"]
    assert written_words('<a title="Go on">{% translate "Go on" %}</a>') == ["Go", "on"]
    assert (
        written_words('{% blocktranslate trimmed %}Go on{% endblocktranslate %}{# why #}<b class="x">{{ a }}</b>') == []
    )


@pytest.mark.parametrize("path", templates(), ids=lambda path: str(path.relative_to(settings.BASE_DIR / "templates")))
def test_a_template_writes_no_words_of_its_own(path: Path) -> None:
    words = written_words(path.read_text(encoding="utf-8"))
    assert [word for word in words if word not in SAME_EVERYWHERE | EXAMPLES] == []


def test_scripts_take_their_words_from_the_page() -> None:
    """What a script puts on the page as text is never a literal of its own."""
    scripts = sorted((settings.BASE_DIR / "static" / "js").glob("*.js"))
    assert scripts
    literal = re.compile(
        r"(?:textContent|innerText|innerHTML|title|ariaLabel)\s*\+?=\s*[\"'`]\s*[A-Za-z]|\b(?:alert|confirm|prompt)\("
    )
    assert [(path.name, found.group()) for path in scripts for found in literal.finditer(path.read_text())] == []
