"""Keys are strong and given, or made once for the demo; anything else stops the start and names the variable."""

from __future__ import annotations

import base64
import os
import secrets
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from prism4k import keys
from tests.prism4k.loaded import KEYS, load_settings


def strong(number_of_bytes: int = 40) -> str:
    return secrets.token_urlsafe(number_of_bytes)


def encryption_key() -> str:
    return "k1:" + base64.b64encode(secrets.token_bytes(32)).decode()


def given(folder: Path, **changed: str) -> dict[str, str]:
    """What a platform of one's own is started with."""
    values = {"SECRET_KEY": strong(), "ENCRYPTION_KEYS": encryption_key(), "AUDIT_KEY": strong()}
    return {"PRISM4K_DATA_DIR": str(folder), **values, **changed}


def test_given_keys_are_taken_and_none_is_written_down(tmp_path: Path) -> None:
    values = given(tmp_path, ENCRYPTION_KEYS=f"{encryption_key()},k0:{encryption_key()[3:]}")

    read = load_settings(values, with_keys=False)

    assert (values["SECRET_KEY"], values["AUDIT_KEY"]) == (read.SECRET_KEY, read.AUDIT_KEY)
    assert ",".join(read.PRISM4K_ENCRYPTION_KEYS) == values["ENCRYPTION_KEYS"]
    assert not (tmp_path / "secrets").exists()


@pytest.mark.parametrize(
    "database", ["", "postgres://prism4k@127.0.0.1/prism4k", "sqlite:////srv/other/prism4k.sqlite3"]
)
@pytest.mark.parametrize("missing", KEYS)
def test_a_missing_key_stops_the_start(tmp_path: Path, missing: str, database: str) -> None:
    values = given(tmp_path, **({"DATABASE_URL": database} if database else {}), **{missing: ""})

    with pytest.raises(ImproperlyConfigured, match=f"^{missing} is not set"):
        load_settings(values, with_keys=False)

    assert not (tmp_path / "secrets").exists()


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("SECRET_KEY", "changeme"),
        ("SECRET_KEY", "a" * 60),
        ("SECRET_KEY", "abababababababababababababababababababab"),
        ("SECRET_KEY", "django-insecure-0123456789abcdefghijklmnopqrstuvwxyz"),
        ("AUDIT_KEY", "secret"),
        ("ENCRYPTION_KEYS", "k1:"),
        ("ENCRYPTION_KEYS", ","),
        ("ENCRYPTION_KEYS", "k1:" + base64.b64encode(bytes(32)).decode()),
        ("ENCRYPTION_KEYS", base64.b64encode(bytes(range(32))).decode()),
        ("ENCRYPTION_KEYS", "k1:" + base64.b64encode(bytes(range(16))).decode()),
    ],
)
@pytest.mark.parametrize("is_demo", ["0", "1"])
def test_a_weak_key_stops_the_start_in_the_demo_too(tmp_path: Path, variable: str, value: str, is_demo: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=variable):
        load_settings(given(tmp_path, PRISM4K_DEMO=is_demo, **{variable: value}), with_keys=False)


def test_one_text_is_not_two_keys(tmp_path: Path) -> None:
    same = strong()
    with pytest.raises(ImproperlyConfigured, match="AUDIT_KEY is the same as SECRET_KEY"):
        load_settings(given(tmp_path, SECRET_KEY=same, AUDIT_KEY=same), with_keys=False)


def test_the_demo_makes_its_keys_once_and_readers_of_its_data_use_them(tmp_path: Path) -> None:
    demo = {"PRISM4K_DATA_DIR": str(tmp_path), "PRISM4K_DEMO": "1"}

    first = load_settings(demo, with_keys=False)
    again = load_settings(demo, with_keys=False)
    from_a_shell = load_settings({"PRISM4K_DATA_DIR": str(tmp_path)}, with_keys=False)

    for read in (again, from_a_shell):
        assert (read.SECRET_KEY, read.AUDIT_KEY) == (first.SECRET_KEY, first.AUDIT_KEY)
        assert read.PRISM4K_ENCRYPTION_KEYS == first.PRISM4K_ENCRYPTION_KEYS
    files = list((tmp_path / "secrets").iterdir())
    assert len(files) == 3 and all(stat.S_IMODE(file.stat().st_mode) == 0o600 for file in files)


def test_the_demo_on_another_database_is_given_its_keys(tmp_path: Path) -> None:
    demo = {"PRISM4K_DATA_DIR": str(tmp_path), "PRISM4K_DEMO": "1", "DATABASE_URL": "postgres://demo@127.0.0.1/demo"}
    with pytest.raises(ImproperlyConfigured, match="SECRET_KEY is not set"):
        load_settings(demo, with_keys=False)


def kept(folder: Path) -> str:
    return keys.given_or_kept("A_KEY_OF_TESTS", folder=folder, may_make=True, make=strong)


def test_a_key_that_another_process_is_writing_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "a_key_of_tests"
    path.touch()
    timer = threading.Timer(0.3, path.write_text, ["written late"])
    timer.start()

    assert kept(tmp_path) == "written late"
    timer.join()


def test_a_key_that_nobody_writes_is_given_up_with_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "PATIENCE_SECONDS", 0.1)
    path = tmp_path / "a_key_of_tests"
    path.touch()

    before = os.times()
    with pytest.raises(ImproperlyConfigured, match="a_key_of_tests is empty: remove it"):
        kept(tmp_path)
    spent = os.times()

    assert spent.user + spent.system - before.user - before.system < 0.09, "it spins instead of pausing"


def test_all_who_start_at_once_get_the_same_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(16) as pool:
        assert len(set(pool.map(lambda _number: kept(tmp_path), range(64)))) == 1
