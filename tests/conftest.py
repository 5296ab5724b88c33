"""What every test shares: the cast, quick passwords, and the lifting of the audit's triggers where a test commits."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest
from django.test import override_settings
from django.utils import translation
from hypothesis import HealthCheck, settings

# Seconds fail no test: a busy machine draws and runs examples slowly.
settings.register_profile("tests", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tests")

pytest_plugins = ["tests.tables", "tests.cast", "tests.browser", "audit.testing"]


def pytest_collection_finish() -> None:
    """What is imported by now stays until the end: looking through it for garbage takes a tenth of the tests' time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


@pytest.fixture(autouse=True, scope="session")
def quick_passwords() -> Iterator[None]:
    """A million rounds for each person of each test would be an hour."""
    with override_settings(PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"]):
        yield


@pytest.fixture(autouse=True)
def no_language_left_over() -> Iterator[None]:
    """``LocaleMiddleware`` leaves a request's language active in its thread: the next test would speak it."""
    translation.deactivate()
    yield
    translation.deactivate()
