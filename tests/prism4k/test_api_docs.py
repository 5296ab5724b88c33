"""The page that shows the API keeps to the Content-Security-Policy: nothing inline, everything at an address."""

from __future__ import annotations

import re

import pytest
from django.conf import settings
from django.contrib.staticfiles import finders
from django.test import Client

from prism4k.api_document import ApiDocument, _document

pytestmark = pytest.mark.django_db


@pytest.mark.security("hostile-logs")
def test_nothing_in_the_page_is_inline(client: Client) -> None:
    page = client.get("/api/docs/")
    html = page.content.decode()
    assert page.status_code == 200 and 'id="swagger-ui"' in html
    assert "script-src 'self'" in page["Content-Security-Policy"]
    assert "unsafe-inline" not in page["Content-Security-Policy"]
    assert len(re.findall(r"<script\b", html)) == len(re.findall(r'<script src="[^"]+"></script>', html)) == 3
    assert "<style" not in html and " style=" not in html and not re.search(r"\son\w+=", html)


def test_every_address_in_the_page_answers(client: Client) -> None:
    html = client.get("/api/docs/").content.decode()
    addresses = re.findall(r'(?:src|href)="([^"]+)"', html)
    static = [address for address in addresses if address.startswith(settings.STATIC_URL)]
    assert len(static) == 4
    for address in static:
        assert finders.find(address.removeprefix(settings.STATIC_URL)), address
    (script,) = set(addresses) - set(static)
    answer = client.get(script)
    assert answer.status_code == 200 and answer["Content-Type"].startswith("application/javascript")
    (schema,) = set(re.findall(r'"(/api/schema/[^"]*)"', answer.content.decode()))
    assert client.get(schema).status_code == 200


@pytest.mark.security("floods")
def test_the_document_is_made_once_for_all_questions(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes a second of a core, and anybody may ask for it."""
    _document.cache_clear()
    made: list[str] = []
    real = ApiDocument.generator_class.get_schema
    monkeypatch.setattr(
        ApiDocument.generator_class, "get_schema", lambda *args, **how: made.append("one") or real(*args, **how)
    )
    texts = set()
    for query in ("", "?lang=en", "?lang=zz", "?lang=../../x", "?version=a%0d%0aSet-Cookie:b", "?version=9", "?x=1"):
        answer = client.get(f"/api/schema/{query}", headers={"Accept-Language": "en"})
        assert answer.status_code == 200 and answer["Content-Disposition"] == 'inline; filename="Prism4k.yaml"'
        texts.add(answer.content)
    assert len(made) == len(texts) == 1
    chinese = client.get("/api/schema/?format=json&lang=zh-hans")
    assert chinese.status_code == 200 and chinese.json()["openapi"].startswith("3.")
    assert len(made) == 2
