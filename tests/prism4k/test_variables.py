"""A setting that cannot be read stops the start with a message that names it; a blank one is not given."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from tests.prism4k.loaded import load_settings

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("variable", "value", "what"),
    [
        ("DEBUG", "maybe", "true or false"),
        ("PRISM4K_DEMO", "2", "true or false"),
        ("LOG_JSON", "json", "true or false"),
        ("SESSION_HOURS", "abc", "a whole number from 1 to 8760"),
        ("SESSION_HOURS", "0", "a whole number from 1 to 8760"),
        ("SESSION_HOURS", "1.5", "a whole number"),
        ("SIGN_IN_ATTEMPTS", "-1", "a whole number from 1"),
        ("LOG_RETENTION_DAYS", "0", "a whole number from 1"),
        ("LOG_RETENTION_DAYS", "9" * 5_000, "a whole number from 1"),
        ("LOST_SECONDS", "1e3", "a whole number"),
        ("KEPT_SUCCESSES", "0", "a whole number from 1"),
        ("RUN_LEASE_SECONDS", "nan", "a number of seconds from 0.1"),
        ("RUN_HINT_SECONDS", "inf", "a number of seconds"),
        ("RUN_STEP_SECONDS", "-3", "a number of seconds"),
        ("ABSENCE_SECONDS", "half a minute", "a number of seconds"),
        ("SITE_TIME_ZONE", "Moon", "a time zone such as"),
        ("SITE_TIME_ZONE", "../../etc/passwd", "a time zone such as"),
        ("LOG_LEVEL", "loud", "one of"),
        ("DATABASE_URL", "mysql://who:secret@host/name", "must look like postgres://"),
        ("DATABASE_URL", "foo", "must look like postgres://"),
        ("DATABASE_URL", "postgres://who:secret@host:port/name", "must look like postgres://"),
        ("DATABASE_URL", "postgres://who:secret@host/", "names no database"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path: Path, variable: str, value: str, what: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=f"^{variable} ") as refused:
        load_settings({"PRISM4K_DATA_DIR": str(tmp_path), variable: value})

    assert what in str(refused.value) and "secret" not in str(refused.value)
    assert len(str(refused.value)) < 200


@pytest.mark.parametrize(
    "variable",
    ["DEBUG", "SESSION_HOURS", "RUN_LEASE_SECONDS", "SITE_TIME_ZONE", "LOG_LEVEL", "LOG_JSON", "DATABASE_URL"],
)
def test_a_blank_one_is_not_given(tmp_path: Path, variable: str) -> None:
    folder = {"PRISM4K_DATA_DIR": str(tmp_path)}

    blank, unset = load_settings({**folder, variable: " "}), load_settings(folder)

    assert vars(blank)["SESSION_COOKIE_AGE"] == vars(unset)["SESSION_COOKIE_AGE"]
    for name in ("DEBUG", "RUN_LEASE_SECONDS", "TIME_ZONE", "LOG_LEVEL", "DATABASES"):
        assert vars(blank)[name] == vars(unset)[name]


@pytest.mark.parametrize(
    ("variable", "given", "name", "read"),
    [
        ("DEBUG", "Yes", "DEBUG", True),
        ("DEBUG", "off", "DEBUG", False),
        ("LOG_LEVEL", "debug", "LOG_LEVEL", "DEBUG"),
        ("SESSION_HOURS", "2", "SESSION_COOKIE_AGE", 7_200),
        ("RUN_LEASE_SECONDS", "0.5", "RUN_LEASE_SECONDS", 0.5),
        ("SITE_TIME_ZONE", "Europe/Zurich", "TIME_ZONE", "Europe/Zurich"),
    ],
)
def test_what_can_be_read_is_taken(tmp_path: Path, variable: str, given: str, name: str, read: object) -> None:
    assert vars(load_settings({"PRISM4K_DATA_DIR": str(tmp_path), variable: given}))[name] == read


@pytest.mark.parametrize("command", ["check", "migrate", "up"])
def test_a_command_says_the_message_alone(tmp_path: Path, command: str) -> None:
    environment = {**os.environ, "PRISM4K_DATA_DIR": str(tmp_path), "SESSION_HOURS": "abc"}

    done = subprocess.run(
        [sys.executable, "manage.py", command], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )

    assert done.returncode == 1
    assert done.stderr == "It cannot start: SESSION_HOURS must be a whole number from 1 to 8760, not 'abc'.\n"
