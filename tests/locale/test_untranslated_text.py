"""Templates and scripts write no words of their own: a page has one language, the reader's."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.conf import settings

from tests.locale.catalogues import templates

SAME_EVERYWHERE = frozenset(
    {
        "Prism4k",
        "Jenkins",
        "Kubernetes",
        "GitLab",
        "Git",
        "Build",
        "UTC",
        "API",
        "URL",
        "ms",
        "English",
        "中文",
        "v",
        "G",
    }
)
"""Names and units that are the same in both languages, each language's own name, and the v of a version's number."""
EXAMPLES = frozenset({"app.properties"})

_HIDDEN = re.compile(
    r"\{#.*?#\}|\{%\s*comment.*?endcomment\s*%\}|\{%\s*blocktranslate.*?endblocktranslate\s*%\}", re.DOTALL
)
_KEYS = re.compile(r"<kbd\b[^>]*>.*?</kbd>", re.DOTALL)
"""What is printed on a keyboard."""
_DATA = re.compile(r"<template\b[^>]*>.*?</template>", re.DOTALL)
_TERM = re.compile(r"<dt>.*?</dt>", re.DOTALL)
_DJANGO = re.compile(r"\{%.*?%\}|\{\{.*?\}\}", re.DOTALL)
_TAG = re.compile(r"<!?[a-zA-Z/][^>]*>")
_READ_OUT = re.compile(r"\b(?:title|placeholder|alt|aria-label|data-label|data-title)=(\"[^\"]*\"|'[^']*')")
_WORD = re.compile(r"[^\W\d_][^\s·:,;()]*")


def written_words(markup: str) -> list[str]:
    """Words that a reader sees or hears and that no translation gave."""
    plain = _KEYS.sub(" ", _HIDDEN.sub(" ", markup))
    # In a <template> of words for a script the terms are the names that the script knows them by.
    plain = _DATA.sub(lambda found: _TERM.sub(" ", found[0]), plain)
    plain = _DJANGO.sub(" ", plain)
    pieces = [match.strip("\"'") for match in _READ_OUT.findall(plain)]
    pieces.append(re.sub(r"&\w+;", " ", _TAG.sub(" ", plain)))
    return [word for piece in pieces for word in _WORD.findall(piece)]


def test_the_search_finds_what_it_is_for() -> None:
    assert written_words("<p>Save it</p>") == ["Save", "it"]
    assert written_words('<a title="Go on">{% translate "Go on" %}</a>') == ["Go", "on"]
    assert (
        written_words('{% blocktranslate trimmed %}Go on{% endblocktranslate %}{# why #}<b class="x">{{ a }}</b>') == []
    )
    assert written_words("<dt>Go</dt><template><dt>key</dt><dd>Wait</dd></template><kbd>Esc</kbd>") == ["Go", "Wait"]


@pytest.mark.parametrize("path", templates(), ids=lambda path: str(path.relative_to(settings.BASE_DIR)))
def test_a_template_writes_no_words_of_its_own(path: Path) -> None:
    words = written_words(path.read_text(encoding="utf-8"))
    assert [word for word in words if word not in SAME_EVERYWHERE | EXAMPLES] == []


# ---------------------------------------------------------------- scripts
SCRIPTS = sorted((settings.BASE_DIR / "frontend" / "js").glob("*.js"))
_RAISED = re.compile(r"\bError\([^)]*\)")
"""What a script says to itself: it is caught, never shown."""
_COMMENT = re.compile(r"/\*.*?\*/|(?<![:\w\"'`])//[^\n]*", re.DOTALL)
_LITERAL = re.compile(r"\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`", re.DOTALL)
_PROSE = re.compile(r"[A-Z][a-z]+,? [a-z]{2,}|[a-z]{2,} [a-z]{2,} [a-z]{2,}|[\u4e00-\u9fff]|[a-z]{3,}[.!?…]$")
_CODE = re.compile(r"[#.\[>=(){}<|/$]|data-|:\w|\b(?:aria|hx)-|^use strict$")
_SHOWN = re.compile(
    r"(?:textContent|innerText|innerHTML|title|ariaLabel|placeholder)\s*\+?=\s*[\"'`]\s*[A-Za-z]"
    r"|\b(?:alert|confirm|prompt)\(\s*[\"'`]"
    r"|\b(?:announce|toast)\(\s*[\"'`]\s*[A-Za-z]"
)
_ASKED = re.compile(r"(?<![.\w])word\(\"(\w+)\"")
_NAMED = re.compile(r"<dt>(\w+)</dt>")


def prose_of(script: str) -> list[str]:
    """Literals of a script that read like words for a person."""
    literals = (found[0][1:-1] for found in _LITERAL.finditer(_RAISED.sub(" ", _COMMENT.sub(" ", script))))
    return [text for text in literals if _PROSE.search(text) and not _CODE.search(text)]


def test_the_search_finds_prose_in_scripts() -> None:
    script = 'a("Copied to you"); // Copied to you\nb(".note error"); c("log-row is-new"); d = "正在"; e("Loading…");'
    assert prose_of(script) == ["Copied to you", "正在", "Loading…"]


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_a_script_takes_its_words_from_the_page(path: Path) -> None:
    script = path.read_text(encoding="utf-8")
    assert prose_of(script) == []
    assert _SHOWN.findall(_COMMENT.sub(" ", script)) == []


def test_every_word_that_scripts_ask_the_page_for_is_there_and_none_is_left_over() -> None:
    assert len(SCRIPTS) > 10
    page = (settings.BASE_DIR / "templates" / "ui" / "page_words.html").read_text(encoding="utf-8")
    asked = {key for path in SCRIPTS for key in _ASKED.findall(path.read_text(encoding="utf-8"))}
    assert asked == set(_NAMED.findall(page))


def test_every_word_that_the_log_viewer_says_is_in_its_template() -> None:
    page = (settings.BASE_DIR / "templates" / "ui" / "log_viewer.html").read_text(encoding="utf-8")
    named = set(_NAMED.findall(page))
    asked: set[str] = set()
    for path in (path for path in SCRIPTS if path.name.startswith("log_")):
        for call in re.findall(r"words\.say\(([^()]*)", path.read_text(encoding="utf-8")):
            asked |= set(re.findall(r"\"(\w+)\"", call.partition("{")[0]))
    assert len(asked) > 20
    assert asked - named == set()
