"""Jenkins, Git and registry servers, their connection tests, and a project's toolchain.

The three kinds of server differ in their fields alone. Answers say whether a credential is stored, never what it is.
"""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actor import actor_of
from accounts.choices import Scope
from accounts.models import Project
from components import selectors, services
from components.api.serializers import ArchiveInput
from components.api.serializers import servers as shapes
from components.models import GitServer, ImageRegistry, JenkinsServer
from environments.access import visible_projects
from foundation.api.pagination import KEYSET, page_of
from foundation.api.schema import ApiSchema
from foundation.api.views import ApiView
from foundation.api.viewsets import Changed, Created, Listed, Retrieved
from foundation.messages import message as _
from foundation.problems import Invalid, Missing


class ServersSchema(ApiSchema):
    """The schema of one kind of server: operation ids begin with its name."""

    view: Any
    ENDS = {
        "list": "s_list",
        "create": "s_create",
        "retrieve": "_retrieve",
        "partial_update": "_edit",
        "archive": "_archive",
        "tests": "_tests_list",
        "start_test": "_tests_create",
    }

    @property
    def _noun(self) -> str:
        """As the schemas of all shapes are written."""
        return str(self.view.kind_name).title().replace("_", "")

    def get_operation_id(self) -> str:
        """By the name of the kind and the verb."""
        return f"{self.view.kind_name}{self.ENDS[self.view.action]}"

    def get_override_parameters(self) -> list[Any]:
        """The cursors of lists."""
        cursors = KEYSET if self.view.action in ("list", "tests") else []
        return [*super().get_override_parameters(), *cursors]

    def get_request_serializer(self) -> Any:
        """What the verb takes."""
        view = self.view
        takes = {
            "create": view.input_shape,
            "partial_update": view.change_shape,
            "archive": ArchiveInput,
            "start_test": shapes.TestInput,
        }
        return takes.get(view.action)

    def get_response_serializers(self) -> Any:
        """What the verb gives."""
        view = self.view
        gives = {
            "list": page_of(f"{self._noun}Page", view.shape),
            "create": {201: view.shape},
            "tests": page_of(f"{self._noun}TestPage", shapes.TestOutput),
            "start_test": {201: shapes.TestOutput},
        }
        return gives.get(view.action, view.shape)


class Servers(Listed, Created, Retrieved, Changed):
    """One kind of server: ``model`` and the shape of its fields."""

    scope = Scope.ADMIN
    lookup_field = "key"
    lookup_value_converter = "str"
    schema = ServersSchema()
    kind_name = ""
    """Of the kind, in operation ids."""
    model: type[Any]

    def rows(self) -> Any:
        return selectors.list_servers(actor_of(self.request), self.model)

    def find(self, key: str) -> Any:
        """One by its short name; Git servers by host."""
        return selectors.find_server(actor_of(self.request), self.model, key)

    def add(self, **values: Any) -> Any:
        key = values.pop(self.model.unique_field, "")
        return services.create_server(actor=actor_of(self.request), model=self.model, key=key, values=values)

    def edit(self, row: Any, **values: Any) -> Any:
        return services.edit_server(actor=actor_of(self.request), server=row, values=values)

    @action(detail=True, methods=["put"])
    def archive(self, request: Request, key: str) -> Response:
        """Archives it, or brings it back."""
        server = self.find(key)
        is_archived = self.given(ArchiveInput)["is_archived"]
        services.archive_server(actor=actor_of(request), server=server, is_archived=is_archived)
        return self.shown(self.shape, server)

    @action(detail=True)
    def tests(self, request: Request, key: str) -> Response:
        """Connection tests, newest first."""
        return self.page(shapes.TestOutput, selectors.tests_of(self.find(key)))

    @tests.mapping.post
    def start_test(self, request: Request, key: str) -> Response:
        """Tries it from a worker; read it until its state is final."""
        server = self.find(key)
        subject = self.given(shapes.TestInput)["subject"]
        test = services.start_server_test(actor=actor_of(request), server=server, subject=subject)
        test.refresh_from_db()
        return self.shown(shapes.TestOutput, test, 201)


class JenkinsServers(Servers):
    kind_name = "jenkins_server"
    model = JenkinsServer
    shape = input_shape = change_shape = shapes.JenkinsServerShape


class GitServers(Servers):
    kind_name = "git_server"
    model = GitServer
    shape = input_shape = change_shape = shapes.GitServerShape


class Registries(Servers):
    kind_name = "registry_server"
    model = ImageRegistry
    shape = input_shape = change_shape = shapes.RegistryShape


class ToolchainView(ApiView):
    """Which Jenkins builds a project and which registry keeps its images."""

    scope = Scope.ADMIN

    @extend_schema(operation_id="toolchain_retrieve", responses=shapes.ToolchainOutput)
    def get(self, request: Request, project: str) -> Response:
        """The toolchain; 404 when none is set."""
        toolchain = selectors.toolchain_of(self._project(request, project))
        if toolchain is None:
            raise Missing()
        return self.shown(shapes.ToolchainOutput, toolchain)

    @extend_schema(operation_id="toolchain_save", request=shapes.ToolchainInput, responses=shapes.ToolchainOutput)
    def put(self, request: Request, project: str) -> Response:
        """Sets it, from the next order on."""
        given, user = self.given(shapes.ToolchainInput), actor_of(request)
        try:
            jenkins = selectors.find_server(user, JenkinsServer, given["jenkins"])
            registry = selectors.find_server(user, ImageRegistry, given["registry"])
        except Missing:
            raise Invalid({"": [_("There is no such Jenkins or registry.")]}) from None
        toolchain = services.set_toolchain(
            actor=user, project=self._project(request, project), jenkins=jenkins, registry=registry
        )
        return self.shown(shapes.ToolchainOutput, toolchain)

    @staticmethod
    def _project(request: Request, slug: str) -> Project:
        project = visible_projects(actor_of(request)).filter(slug=slug).first()
        if project is None:
            raise Missing()
        return project
