"""What is done to the audit's rows is named on PostgreSQL too."""

import pytest

from tests.audit.test_mutations import *  # noqa: F403

pytestmark = [pytest.mark.security("changed-audit"), pytest.mark.scale]
