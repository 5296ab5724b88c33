"""What Jenkins sends."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

MOST_NUMBER = 2**31 - 1
"""What a database's integer column holds."""


class ClaimInput(serializers.Serializer[Any]):
    """Of a Jenkins whose Jenkinsfile may be newer than we are: what it says beyond this is let pass."""

    trigger_id = serializers.UUIDField()
    build_number = serializers.IntegerField(min_value=1, max_value=MOST_NUMBER)
    queue_id = serializers.IntegerField(min_value=0, required=False, allow_null=True, default=None)


class ReportInput(serializers.Serializer[Any]):
    """As for a claim."""

    trigger_id = serializers.UUIDField()
    build_number = serializers.IntegerField(min_value=1, max_value=MOST_NUMBER)
    digest = serializers.RegexField(r"^sha256:[0-9a-f]{64}$")
