"""Patterns of what a server offers to projects, and the addresses that people may try to get round them."""

from __future__ import annotations

import pytest

from components.models import ComponentSettings, GitServer
from components.offers import check_offers, is_offered
from components.services import save_settings
from components.targets import git_server_of, source_target
from components.validators import GrammarError, repository_path
from foundation.problems import Invalid, Refused
from tests.components.conftest import Shop

HOST = "git.example"


# ---------------------------------------------------------------- patterns
@pytest.mark.parametrize(
    ("pattern", "name", "fits"),
    [
        ("**", "app", True),
        ("**", "a/b/c", True),
        ("**", "~me/app", True),
        ("*", "app", True),
        ("*", "a/b", False),
        ("a/*", "a/b", True),
        ("a/*", "a/b/c", False),
        ("a/*", "ab/c", False),
        ("a/*", "a", False),
        ("a/**", "a/b/c", True),
        ("a/**", "a", False),
        ("a/**", "ab/c", False),
        ("**/c", "a/b/c", True),
        ("**/c", "c", False),
        ("**/c", "~me/c", False),
        ("*/c", "~me/c", False),
        ("~me/*", "~me/c", True),
        ("a/**/d", "a/b/c/d", True),
        ("a/**/d", "a/b/c", False),
        ("a/app-*", "a/app-1", True),
        ("a/app-*", "a/app", False),
        ("a/*-app", "a/x-app", True),
        ("a/*-app", "a/-app2", False),
        ("a/x*y*z", "a/x1y2z", True),
        ("a/x*y*z", "a/xz", False),
        ("a/ab*ba", "a/aba", False),
        ("a/b", "a/b", True),
        ("a/b", "A/b", False),
        ("a/b", "a/b2", False),
        ("a.c/b", "abc/b", False),
        ("a", "b", False),
    ],
)
def test_what_a_pattern_stands_for(pattern: str, name: str, fits: bool) -> None:
    assert is_offered(f"* {pattern}", "b", name) is fits
    assert is_offered(f"b {pattern}\nother **", "b", name) is fits
    assert not is_offered(f"other {pattern}\nbb {pattern}", "b", name), "another project's line"


def test_an_empty_list_gives_nothing() -> None:
    assert not is_offered("", "b", "a/b") and not is_offered("\n  \n", "b", "a/b") and not is_offered("b", "b", "b")


@pytest.mark.security("floods")
def test_a_pattern_of_many_stars_is_quick() -> None:
    line = "* " + "/".join(["*a" * 4 + "*"] * 12 + ["**", "*b"])
    assert check_offers(line, []) == []
    assert not is_offered("\n".join([line] * 200), "b", "/".join(["a" * 11] * 24))


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("b", "a space"),
        ("**", "a space"),
        ("nobody a/b", "no project nobody"),
        ("B a/b", "no project B"),
        ("b a/***", "no pattern"),
        ("b a/x**", "no pattern"),
        ("b a//b", "no pattern"),
        ("b a/../b", "no pattern"),
        ("b a/./b", "no pattern"),
        ("b a/[bc]", "no pattern"),
        ("b a/b?", "no pattern"),
        ("b (a+)+", "no pattern"),
        ("b https://git.example/a/b", "no pattern"),
        ("b 组/仓库", "no pattern"),
        ("b /", "no pattern"),
        ("b " + "a/" * 30 + "a", "no pattern"),
        ("b " + "a" * 300, "300 letters"),
    ],
)
def test_a_wrong_line_gets_a_message(line: str, words: str) -> None:
    (said,) = check_offers(f"b a/b\n{line}\n* c/**", ["b"])
    assert str(said).startswith("Line 2: ") and words in str(said)


def test_a_list_has_an_end() -> None:
    assert check_offers("\n".join(["b a/b"] * 200), ["b"]) == []
    assert "200 lines" in str(check_offers("\n".join(["b a/b"] * 201), ["b"])[0])


# ---------------------------------------------------------------- addresses
PLAIN = "b/app"


@pytest.mark.parametrize(
    "url",
    [
        "https://git.example/b/app.git",
        "https://GIT.EXAMPLE/b/app",
        "https://git.example:443/b/app.git",
        "https://git.example/b/app.git/",
        "https://git.example//b//app.git",
        "https://git.example/%62/app",
        "http://git.example:80/b/app.git",
        "git@git.example:b/app.git",
        "someone@git.example:b/app",
        "ssh://git@git.example/b/app.git",
        "ssh://me@git.example:22/b/app",
    ],
)
def test_one_path_however_it_is_written(url: str) -> None:
    assert repository_path(url) == PLAIN


HOSTILE = [
    "https://git.example/b/../a/secret.git",
    "https://git.example/b/%2e%2e/a/secret.git",
    "https://git.example/b/%2E./a/secret.git",
    "https://git.example/b/.%2e/a/secret.git",
    "https://git.example/b/%252e%252e/a/secret.git",
    "https://git.example/b/..%2fa/secret.git",
    "https://git.example/b%2f..%2fa/secret.git",
    "https://git.example/b/x%2f%2e%2e%2f%2e%2e%2fa%2fsecret",
    "https://git.example/b/./../a/secret.git",
    "https://git.example/b/%5c..%5ca/secret.git",
    "https://git.example/b/app.git/../../a/secret.git",
    "https://git.example/b/app%00/../a",
    "https://git.example/b/app%0a/a/secret.git",
    "https://git.example/b/app%3f/../a",
    "https://git.example/b/app%23",
    "https://git.example/b/app?x=/a/secret",
    "https://git.example/b/app#/a/secret",
    "https://git.example\\@b/app.git",
    "https://git.example/a/secret.git",
    "https://git.example//a/secret.git",
    "https://git.example/%61/secret.git",
    "https://git.example/B/app.git",
    "https://git.example/b2/app.git",
    "https://git.example/b",
    "https://git.example/b.git",
    "https://git.example/",
    "https://git.example/a/b/app.git",
    "https://b/app@git.example/a/secret.git",
    "https://b:app@git.example/a/secret.git",
    "https://git.example./b/app.git",
    "https://git.example:8443/b/app.git",
    "git@git.example:a/secret.git",
    "git@git.example:../a/secret.git",
    "git@git.example:b/../a/secret.git",
    "git@git.example:b/%2e%2e/a/secret.git",
    "git@git.example:/srv/a/secret.git",
    "git@git.example:~git/a/secret.git",
    "ssh://git.example/~/a/secret.git",
    "ssh://git@git.example/~b/app.git",
    "ssh://git:x@git.example/b/app.git",
    "ssh://git@git.example@other/b/app.git",
    "file:///b/app.git",
    "ext::sh -c b/app",
]


@pytest.mark.security("requests-to-inner-hosts")
@pytest.mark.parametrize("url", HOSTILE)
def test_no_way_round_by_the_address(shop: Shop, url: str) -> None:
    GitServer.objects.create(host=HOST, name="Git", allow_http=True, repositories="sis-omm b/*\nsis-omm */x/*")
    assert git_server_of("https://git.example/b/app.git", shop.world.project).host == HOST
    with pytest.raises(Refused):
        source_target(url, shop.world.project)
    with pytest.raises(Invalid) as refused:
        save_settings(actor=shop.world.dana, component=shop.component, values={"git_url": url})
    assert set(refused.value.fields) == {"git_url"} and not ComponentSettings.objects.exists()


@pytest.mark.security("requests-to-inner-hosts")
@pytest.mark.parametrize("url", ["https://git.example/b/%2e%2e/a", "https://git.example/b/x%252f"])
def test_a_veiled_path_is_no_path_for_anybody(url: str) -> None:
    with pytest.raises(GrammarError):
        repository_path(url)
