"""Jenkins, Git and registry servers, their connection tests, and a project's toolchain, over the API.

Credentials are write-only: answers say whether one is stored, never what it is.
"""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actor import actor_of
from accounts.choices import Scope
from accounts.models import Project
from components import selectors, services
from components.api import serializers as shapes
from components.models import GitServer, ImageRegistry, JenkinsServer, ServerTest, Toolchain
from components.services.servers import KEY_FIELDS, PLAIN_FIELDS, SECRET_FIELDS, Server
from environments.access import visible_projects
from foundation.api import ApiView, list_response
from foundation.problems import Invalid, Missing
from foundation.runs.choices import RunState


def _secret() -> serializers.CharField:
    return serializers.CharField(
        required=False, allow_blank=True, write_only=True, trim_whitespace=False, help_text="blank keeps the stored one"
    )


class _Server(serializers.Serializer[Any]):
    name = serializers.CharField(required=False, max_length=120)
    username = serializers.CharField(required=False, allow_blank=True, max_length=120)
    ca_pem = serializers.CharField(required=False, allow_blank=True, max_length=100_000, trim_whitespace=False)
    is_archived = serializers.BooleanField(read_only=True)
    has_credentials = serializers.BooleanField(read_only=True)


class JenkinsServerShape(_Server):
    slug = serializers.CharField(required=False, max_length=63, help_text="only when it is created")
    url = serializers.CharField(required=False, max_length=300)
    token = _secret()
    credentials_id = serializers.CharField(required=False, max_length=120)
    build_deadline_seconds = serializers.IntegerField(required=False, min_value=10, max_value=86_400)


class GitServerShape(_Server):
    host = serializers.CharField(required=False, max_length=253, help_text="host[:port]; only when it is created")
    allow_http = serializers.BooleanField(required=False)
    password = _secret()
    ssh_key = _secret()


class RegistryShape(_Server):
    slug = serializers.CharField(required=False, max_length=63, help_text="only when it is created")
    address = serializers.CharField(required=False, max_length=253)
    url = serializers.CharField(required=False, max_length=300)
    password = _secret()


class TestInput(serializers.Serializer[Any]):
    subject = serializers.CharField(
        required=False,
        allow_blank=True,
        max_length=300,
        default="",
        help_text="Jenkins: a job; Git: the URL of a repository there; registry: site/app:tag",
    )


class TestOutput(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    state = serializers.ChoiceField(choices=RunState.choices)
    subject = serializers.CharField()
    message = serializers.CharField()
    facts = serializers.DictField()
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)


class ToolchainShape(serializers.Serializer[Any]):
    jenkins = serializers.CharField(max_length=63)
    registry = serializers.CharField(max_length=63)


def _server_data(server: Server) -> shapes.Data:
    model = type(server)
    names = (KEY_FIELDS[model], *PLAIN_FIELDS[model], "is_archived")
    has_credentials = any(getattr(server, name) for name in SECRET_FIELDS[model])
    return {**{name: getattr(server, name) for name in names}, "has_credentials": has_credentials}


def _test_data(test: ServerTest) -> shapes.Data:
    return {
        "id": test.pk,
        "state": test.state,
        "subject": test.subject,
        "message": str(test.message),
        "facts": test.facts,
        "created_at": test.created_at,
        "finished_at": test.finished_at,
    }


class _Servers(ApiView):
    scope = Scope.ADMIN
    model: type[Any]
    shape: type[serializers.Serializer[Any]]

    def _list(self, request: Request) -> Response:
        return list_response(request, selectors.list_servers(actor_of(request), self.model), _server_data)  # type: ignore[arg-type]

    def _create(self, request: Request) -> Response:
        given = shapes.read(self.shape, request)
        key = given.pop(KEY_FIELDS[self.model], "")
        server = services.create_server(actor=actor_of(request), model=self.model, key=key, values=given)
        return Response(_server_data(server), status=201)


class _OneServer(ApiView):
    scope = Scope.ADMIN
    model: type[Any]
    shape: type[serializers.Serializer[Any]]

    def _find(self, request: Request, key: str) -> Any:
        return selectors.find_server(actor_of(request), self.model, key)

    def _retrieve(self, request: Request, key: str) -> Response:
        return Response(_server_data(self._find(request, key)))

    def _edit(self, request: Request, key: str) -> Response:
        given = shapes.read(self.shape, request)
        server = services.edit_server(actor=actor_of(request), server=self._find(request, key), values=given)
        return Response(_server_data(server))

    def _archive(self, request: Request, key: str) -> Response:
        is_archived = shapes.read(shapes.ArchiveInput, request)["is_archived"]
        server = self._find(request, key)
        services.archive_server(actor=actor_of(request), server=server, is_archived=is_archived)
        return Response(_server_data(server))

    def _tests(self, request: Request, key: str) -> Response:
        return list_response(request, selectors.tests_of(self._find(request, key)), _test_data)  # type: ignore[arg-type]

    def _test(self, request: Request, key: str) -> Response:
        subject = shapes.read(TestInput, request)["subject"]
        server = self._find(request, key)
        test = services.start_server_test(actor=actor_of(request), server=server, subject=subject)
        test.refresh_from_db()
        return Response(_test_data(test), status=201)


def _family(
    model: type[Any], shape: type[serializers.Serializer[Any]], name: str
) -> tuple[type[ApiView], type[ApiView], type[ApiView], type[ApiView]]:
    """List, detail, archive and tests of one kind of server: the three kinds differ in their fields alone."""
    kind, fields = model, shape

    class List(_Servers):
        model, shape = kind, fields

        @extend_schema(operation_id=f"{name}s_list", responses=shapes.page_of(f"{name}_page", fields(many=True)))
        def get(self, request: Request) -> Response:
            """All of them, newest first."""
            return self._list(request)

        @extend_schema(operation_id=f"{name}s_create", request=fields, responses={201: fields})
        def post(self, request: Request) -> Response:
            """Makes one known."""
            return self._create(request)

    class One(_OneServer):
        model, shape = kind, fields

        @extend_schema(operation_id=f"{name}_retrieve", responses=fields)
        def get(self, request: Request, key: str) -> Response:
            """Everything but credentials."""
            return self._retrieve(request, key)

        @extend_schema(operation_id=f"{name}_edit", request=fields, responses=fields)
        def patch(self, request: Request, key: str) -> Response:
            """Changes what is given; a changed address needs its credentials again."""
            return self._edit(request, key)

    class Archive(_OneServer):
        model, shape = kind, fields

        @extend_schema(operation_id=f"{name}_archive", request=shapes.ArchiveInput, responses=fields)
        def put(self, request: Request, key: str) -> Response:
            """Archives it, or brings it back."""
            return self._archive(request, key)

    class Tests(_OneServer):
        model, shape = kind, fields

        @extend_schema(
            operation_id=f"{name}_tests_list", responses=shapes.page_of(f"{name}_test_page", TestOutput(many=True))
        )
        def get(self, request: Request, key: str) -> Response:
            """Connection tests, newest first."""
            return self._tests(request, key)

        @extend_schema(operation_id=f"{name}_tests_create", request=TestInput, responses={201: TestOutput})
        def post(self, request: Request, key: str) -> Response:
            """Tries it from a worker; look at it until its state is final."""
            return self._test(request, key)

    return List, One, Archive, Tests


JENKINS = _family(JenkinsServer, JenkinsServerShape, "jenkins_server")
GIT = _family(GitServer, GitServerShape, "git_server")
REGISTRY = _family(ImageRegistry, RegistryShape, "registry_server")


class ToolchainView(ApiView):
    """Which Jenkins builds a project and which registry keeps its images."""

    scope = Scope.ADMIN

    @extend_schema(operation_id="toolchain_retrieve", responses=ToolchainShape)
    def get(self, request: Request, project: str) -> Response:
        """The toolchain; 404 when none is set."""
        toolchain = selectors.toolchain_of(self._project(request, project))
        if toolchain is None:
            raise Missing()
        return Response(self._data(toolchain))

    @extend_schema(operation_id="toolchain_save", request=ToolchainShape, responses=ToolchainShape)
    def put(self, request: Request, project: str) -> Response:
        """Sets it, from the next order on."""
        given, user = shapes.read(ToolchainShape, request), actor_of(request)
        try:
            jenkins = selectors.find_server(user, JenkinsServer, given["jenkins"])
            registry = selectors.find_server(user, ImageRegistry, given["registry"])
        except Missing:
            raise Invalid({"": [gettext("There is no such Jenkins or registry.")]}) from None
        toolchain = services.set_toolchain(
            actor=user, project=self._project(request, project), jenkins=jenkins, registry=registry
        )
        return Response(self._data(toolchain))

    @staticmethod
    def _project(request: Request, slug: str) -> Project:
        project = visible_projects(actor_of(request)).filter(slug=slug).first()
        if project is None:
            raise Missing()
        return project

    @staticmethod
    def _data(toolchain: Toolchain) -> shapes.Data:
        return {"jenkins": toolchain.jenkins.slug, "registry": toolchain.registry.slug}
