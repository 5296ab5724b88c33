"""Audit rows of committing tests can be emptied."""

from audit.testing import audit_rows_can_be_emptied
from tests.foundation.conftest import shared_database

__all__ = ["audit_rows_can_be_emptied", "shared_database"]
