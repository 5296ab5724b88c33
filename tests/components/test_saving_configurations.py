"""Configuration per environment: plain values, references to Secrets, files; never a secret itself."""

from __future__ import annotations

import json
from typing import Any

import pytest

from audit.models import AuditEvent
from components.models import ConfigVersion
from components.selectors import current_config
from components.services import save_config
from foundation.problems import Denied, Invalid, Stale
from tests.components.conftest import Shop

ENV = [
    {"name": "LOG_LEVEL", "value": "info"},
    {"name": "DB_PASSWORD", "secret": "omm-db", "key": "password"},
]


def _save(shop: Shop, env: list[dict[str, Any]], slug: str = "fat", **more: Any) -> ConfigVersion:
    return save_config(
        actor=more.pop("actor", shop.world.dana),
        component=shop.component,
        environment=shop.world.environments[slug],
        env=env,
        files=more.pop("files", {}),
        **more,
    )


def test_it_reads_back_and_the_same_makes_no_version(shop: Shop) -> None:
    files = {"app.properties": "a=1\r\nb=2\n"}
    first = _save(shop, ENV, files=files)
    again = _save(shop, ENV, files=files)
    assert again.pk == first.pk
    row = current_config(shop.component, shop.world.environments["fat"])
    assert row is not None
    assert row.env == ENV
    assert row.files == {"app.properties": "a=1\nb=2\n"}


@pytest.mark.security("secrets-that-leak")
@pytest.mark.parametrize("name", ["DB_PASSWORD", "api_token", "clientSecret"])
def test_a_value_that_would_be_a_secret_is_refused_with_advice(shop: Shop, name: str) -> None:
    with pytest.raises(Invalid) as caught:
        _save(shop, [{"name": "A", "value": "1"}, {"name": name, "value": "hunter2"}])
    assert set(caught.value.fields) == {"env.1.value"}
    assert "Secret" in str(caught.value.fields["env.1.value"][0])
    assert not ConfigVersion.objects.exists()


@pytest.mark.parametrize(
    ("entry", "field"),
    [
        ({"name": "1A", "value": "x"}, "env.0.name"),
        ({"name": "A B", "value": "x"}, "env.0.name"),
        ({"name": "A", "value": "x\x00"}, "env.0.value"),
        ({"name": "PORT", "value": "99999"}, "env.0.value"),
        ({"name": "PORT", "value": "0"}, "env.0.value"),
        ({"name": "PORT", "value": "http"}, "env.0.value"),
        ({"name": "PORT", "value": "-1"}, "env.0.value"),
        ({"name": "PORT", "value": "8080 "}, "env.0.value"),
        ({"name": "PORT", "value": "８０８０"}, "env.0.value"),
        ({"name": "PORT", "secret": "s", "key": "k"}, "env.0.name"),
        ({"name": "DB_URL", "value": "jdbc:mysql://root:pw@h"}, "env.0.value"),
        ({"name": "REDIS_PWD", "value": "x"}, "env.0.value"),
        ({"name": "A", "secret": "s", "key": "."}, "env.0.key"),
        ({"name": "A", "value": "x" * 40_000}, "env.0.value"),
        ({"name": "A", "value": "x", "secret": "s", "key": "k"}, "env.0.value"),
        ({"name": "A", "secret": "Not_A_Name", "key": "k"}, "env.0.secret"),
        ({"name": "A", "secret": "s", "key": ""}, "env.0.key"),
        ({"name": "A", "secret": "s", "key": "../k"}, "env.0.key"),
    ],
)
def test_bad_variables_are_told_at_their_place(shop: Shop, entry: dict[str, str], field: str) -> None:
    with pytest.raises(Invalid) as caught:
        _save(shop, [entry])
    assert set(caught.value.fields) == {field}


def test_names_and_values_that_only_sound_secret_pass(shop: Shop) -> None:
    entries = [
        {"name": "TOKENIZERS_PARALLELISM", "value": "false"},
        {"name": "token.expireTime", "value": "720"},
        {"name": "spring.profiles.active", "value": "uat"},
        {"name": "my-name", "value": "x"},
        {"name": "PORT", "value": "65535"},
    ]
    assert _save(shop, entries, files={"app.yml": "password: ${DB_PASSWORD}\n"}).number == 1


def test_a_secret_in_a_file_is_told_with_its_lines(shop: Shop) -> None:
    with pytest.raises(Invalid) as caught:
        _save(shop, [], files={"app.yml": "a: 1\ndatasource:\n  password: hunter2\n", ".": "x"})
    assert set(caught.value.fields) == {"files.app.yml", "files.."}
    assert "3" in str(caught.value.fields["files.app.yml"][0])
    assert "hunter2" not in str(caught.value.fields["files.app.yml"][0])


def test_doubles_and_bad_files(shop: Shop) -> None:
    with pytest.raises(Invalid) as caught:
        _save(shop, [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}], files={"../x": "a", "b": "\x00"})
    assert set(caught.value.fields) == {"env.1.name", "files.../x", "files.b"}
    with pytest.raises(Invalid) as caught:
        _save(shop, [], files={"a": "x" * 300_000, "b": "x" * 300_000})
    assert set(caught.value.fields) == {"files"}


def test_production_is_for_operations(shop: Shop) -> None:
    with pytest.raises(Denied):
        _save(shop, ENV, "prd")
    assert _save(shop, ENV, "prd", actor=shop.world.olli).number == 1
    assert _save(shop, ENV, "uat").number == 1


@pytest.mark.security("secrets-that-leak")
def test_the_audit_names_what_changed_without_values(shop: Shop) -> None:
    _save(shop, ENV)
    _save(shop, [{"name": "LOG_LEVEL", "value": "a-very-particular-value"}], files={"a": "b"}, seen_number=1)
    event = AuditEvent.objects.filter(verb="save_config").latest("pk")
    assert event.after == {"version": 2, "variables": ["DB_PASSWORD", "LOG_LEVEL"], "files": ["a"]}
    assert "particular" not in json.dumps([event.before, event.after])
    with pytest.raises(Stale):
        _save(shop, ENV, seen_number=1)
