"""Knowing one private key must not open a hole for the next one."""

from __future__ import annotations

import pytest

from foundation.redaction import redact, register_secret

pytestmark = pytest.mark.security("secrets-that-leak")

KEY = "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n"


def test_a_known_key_does_not_unmask_an_unknown_one() -> None:
    register_secret(KEY.format("kNoWn-0123456789abcdef"))
    assert "uNkNoWn" not in redact(KEY.format("uNkNoWn-fedcba9876543210"))
    assert "kNoWn" not in redact("the body alone: kNoWn-0123456789abcdef")
