"""The tags that every template draws its parts with."""

from __future__ import annotations

from django.template import engines
from django.template.backends.django import DjangoTemplates


def drawn(source: str, **context: object) -> str:
    """What a template of this text becomes."""
    django = engines["django"]
    assert isinstance(django, DjangoTemplates)
    return django.from_string(source).render(context)


def test_a_badge_has_the_colour_and_the_icon_of_its_state() -> None:
    badge = drawn("{% load ui %}{% badge state word %}", state="failed", word="4 < 5")
    assert badge.startswith('<span class="state tone-failed"><svg class="icon"')
    assert "#failed" in badge and badge.endswith("4 &lt; 5</span>")


def test_a_badge_may_have_another_icon_more_classes_and_a_hint() -> None:
    badge = drawn(
        '{% load ui %}{% badge "blocked" "drift" sign="drift" more="pill wrap" title=hint %}', hint='"outside"'
    )
    assert badge.startswith('<span class="state tone-blocked pill wrap" title="&quot;outside&quot;">')
    assert "#drift" in badge and "#blocked" not in badge


def test_a_badge_without_words_says_its_state() -> None:
    assert drawn('{% load ui %}{% badge "running" %}').endswith(">running</span>")


def test_a_page_has_the_name_in_its_title_and_its_heading() -> None:
    page = drawn('{% extends "page.html" %}{% block name %}<i>Clusters</i>{% endblock %}')
    assert "<title><i>Clusters</i> · Prism4k</title>" in page
    assert "<h1><i>Clusters</i></h1>" in page


def test_a_page_draws_nothing_around_a_block_that_is_empty() -> None:
    page = drawn('{% extends "page.html" %}{% block acts %}{% if False %}<b>x</b>{% endif %} {% endblock %}')
    assert '<div class="acts">' not in page and 'class="crumbs"' not in page
    page = drawn('{% extends "page.html" %}{% block acts %}<b>x</b>{% endblock %}{% block crumbs %}y{% endblock %}')
    assert '<div class="acts"><b>x</b></div>' in page and '<p class="crumbs">y</p>' in page
