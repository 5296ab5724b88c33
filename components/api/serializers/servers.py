"""Jenkins, Git and registry servers, their connection tests, and toolchains. Credentials are written only."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from components.models import ServerTest
from components.offers import LONGEST_LIST, open_notes
from components.services.servers import SECRET_FIELDS, Server
from foundation.api.serializers import Input, text


def _secret() -> serializers.CharField:
    return serializers.CharField(
        required=False, allow_blank=True, write_only=True, trim_whitespace=False, help_text="blank keeps the stored one"
    )


class _Server(Input):
    name = serializers.CharField(required=False, max_length=120)
    username = text(120)
    ca_pem = text(100_000, trim_whitespace=False)
    is_archived = serializers.BooleanField(read_only=True)
    has_credentials = serializers.SerializerMethodField()

    def get_has_credentials(self, row: Server) -> bool:
        """Is one stored? Never what it is."""
        return any(getattr(row, name) for name in SECRET_FIELDS[type(row)])


class _Offering(_Server):
    notes = serializers.SerializerMethodField(help_text="what the server gives every project, or none")

    def get_notes(self, row: Server) -> list[str]:
        """Messages in the language of the reader."""
        return [str(note) for note in open_notes(row)]


class JenkinsServerShape(_Offering):
    slug = serializers.CharField(required=False, max_length=63, help_text="only when it is created")
    url = serializers.CharField(required=False, max_length=300)
    token = _secret()
    credentials_id = serializers.CharField(required=False, max_length=120)
    image_node_label = text(128, help_text="label of the node that makes images; empty: the component's own node")
    queue_deadline_seconds = serializers.IntegerField(required=False, min_value=10, max_value=86_400)
    build_deadline_seconds = serializers.IntegerField(required=False, min_value=10, max_value=86_400)
    quiet_period_seconds = serializers.IntegerField(required=False, min_value=0, max_value=60)
    claims = serializers.BooleanField(required=False, help_text="builds ask the platform before they begin")
    jobs = text(LONGEST_LIST, help_text="a line each: project or *, and a job (* in a part, ** for parts)")
    nodes = text(LONGEST_LIST, help_text="a line each: project or *, and a node label with *; empty: nobody")
    claim_wait_seconds = serializers.IntegerField(required=False, min_value=1, max_value=600)


class GitServerShape(_Offering):
    host = serializers.CharField(required=False, max_length=253, help_text="host[:port]; only when it is created")
    allow_http = serializers.BooleanField(required=False)
    password = _secret()
    ssh_key = _secret()
    repositories = text(
        LONGEST_LIST,
        help_text="a line each: project or *, and a pattern of paths (* in a part, ** for parts); empty: nobody",
    )


class RegistryShape(_Server):
    slug = serializers.CharField(required=False, max_length=63, help_text="only when it is created")
    address = serializers.CharField(required=False, max_length=253)
    url = serializers.CharField(required=False, max_length=300)
    password = _secret()


class TestInput(Input):
    subject = text(
        300, default="", help_text="Jenkins: a job; Git: the URL of a repository there; registry: site/app:tag"
    )


class TestOutput(serializers.ModelSerializer[ServerTest]):
    message = serializers.CharField()
    facts = serializers.DictField()

    class Meta:
        model = ServerTest
        fields = ("id", "state", "subject", "message", "facts", "created_at", "finished_at")


class ToolchainInput(Input):
    jenkins = serializers.CharField(max_length=63)
    registry = serializers.CharField(max_length=63)


class ToolchainOutput(serializers.Serializer[Any]):
    jenkins = serializers.CharField(source="jenkins.slug")
    registry = serializers.CharField(source="registry.slug")
