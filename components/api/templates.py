"""Templates and base images over the API."""

from __future__ import annotations

from uuid import UUID

from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actor import actor_of
from accounts.choices import Scope
from accounts.models import Project
from components import selectors, services
from components.api import data
from components.api import serializers as shapes
from components.grammar import GrammarError, split_image
from components.models import BaseImage, Template
from environments.access import visible_projects
from foundation.api import ApiView, list_response
from foundation.problems import Invalid, Missing

_PROJECT = OpenApiParameter(
    "project", OpenApiTypes.STR, description="the project whose template is meant; left out: the global one"
)


def _find(request: Request, name: str) -> Template:
    return selectors.find_template(actor_of(request), name, project_slug=request.query_params.get("project", ""))


def _project(request: Request, slug: str) -> Project | None:
    project = visible_projects(actor_of(request)).filter(slug=slug).first() if slug else None
    if slug and project is None:
        raise Invalid({"project": [_("There is no such project.")]})
    return project


class Templates(ApiView):
    """Global templates and those of the caller's projects."""

    scope = Scope.ADMIN

    @extend_schema(
        operation_id="templates_list",
        parameters=[OpenApiParameter("project", OpenApiTypes.STR, description="only its own and the global ones")],
        responses=shapes.page_of("TemplatePage", shapes.TemplateOutput(many=True)),
    )
    def get(self, request: Request) -> Response:
        """Newest first, without archived ones."""
        project = _project(request, request.query_params.get("project", ""))
        rows = selectors.list_templates(actor_of(request), project=project)
        return list_response(request, rows, data.template_data)  # type: ignore[arg-type]

    @extend_schema(
        operation_id="templates_create", request=shapes.TemplateInput, responses={201: shapes.TemplateDetail}
    )
    def post(self, request: Request) -> Response:
        """A template with its first version."""
        given = shapes.read(shapes.TemplateInput, request)
        project = _project(request, given.pop("project"))
        template = services.create_template(actor=actor_of(request), project=project, **given)
        return Response(data.template_detail(template, []), status=201)


class OneTemplate(ApiView):
    """A template by its file name."""

    @extend_schema(operation_id="template_retrieve", parameters=[_PROJECT], responses=shapes.TemplateDetail)
    def get(self, request: Request, name: str) -> Response:
        """The newest text, and which components use it."""
        template = _find(request, name)
        return Response(_detail(request, template))


class Versions(ApiView):
    """Published texts of a template."""

    scope = Scope.ADMIN

    @extend_schema(
        operation_id="template_versions_list",
        parameters=[_PROJECT],
        responses=shapes.page_of("TemplateVersionPage", shapes.VersionOutput(many=True)),
    )
    def get(self, request: Request, name: str) -> Response:
        """Newest first."""
        rows = _find(request, name).versions.select_related("author")
        return list_response(request, rows, data.version_data)  # type: ignore[arg-type]

    @extend_schema(
        operation_id="template_versions_create",
        parameters=[_PROJECT],
        request=shapes.VersionInput,
        responses={201: shapes.VersionOutput},
    )
    def post(self, request: Request, name: str) -> Response:
        """Publishes a text; nothing is saved when nothing changed."""
        given = shapes.read(shapes.VersionInput, request)
        version = services.publish_version(
            actor=actor_of(request),
            template=_find(request, name),
            body=given["body"],
            seen_number=given.get("seen_number"),
            note=given["note"],
        )
        return Response(data.version_data(version), status=201)


class Trials(ApiView):
    """Trying a text with everybody who uses the template."""

    scope = Scope.ADMIN

    @extend_schema(
        operation_id="template_trials_create",
        parameters=[_PROJECT],
        request=shapes.TrialInput,
        responses={201: shapes.TrialOutput},
    )
    def post(self, request: Request, name: str) -> Response:
        """Renders it for each of them; look at the trial until all states are final: failed ones would break."""
        user, given = actor_of(request), shapes.read(shapes.TrialInput, request)
        batch = services.start_trial(actor=user, template=_find(request, name), body=given["body"])
        return Response(data.trial_data(batch, selectors.trial(user, batch)), status=201)


class OneTrial(ApiView):
    """A trial."""

    @extend_schema(operation_id="trial_retrieve", responses=shapes.TrialOutput)
    def get(self, request: Request, batch: UUID) -> Response:
        """How far each rendering is, and what it found."""
        return Response(data.trial_data(batch, selectors.trial(actor_of(request), batch)))


class TemplateArchive(ApiView):
    """Whether a template may be chosen."""

    scope = Scope.ADMIN

    @extend_schema(
        operation_id="template_archive",
        parameters=[_PROJECT],
        request=shapes.ArchiveInput,
        responses=shapes.TemplateDetail,
    )
    def put(self, request: Request, name: str) -> Response:
        """Archives the template, or brings it back; refused while components use it."""
        template = _find(request, name)
        is_archived = shapes.read(shapes.ArchiveInput, request)["is_archived"]
        services.archive_template(actor=actor_of(request), template=template, is_archived=is_archived)
        return Response(_detail(request, template))


def _detail(request: Request, template: Template) -> shapes.Data:
    return data.template_detail(template, selectors.visible_users(actor_of(request), template))


# ---------------------------------------------------------------- base images
_BASE_IMAGE = inline_serializer(
    "BaseImage",
    {
        "image": serializers.CharField(),
        "path": serializers.CharField(),
        "tag": serializers.CharField(),
        "note": serializers.CharField(),
        "is_archived": serializers.BooleanField(),
    },
)


class BaseImageInput(serializers.Serializer[object]):
    image = serializers.CharField(max_length=400, help_text="“path tag” or “path:tag”")
    note = serializers.CharField(required=False, allow_blank=True, max_length=200, default="")


class BaseImageArchiveInput(shapes.ArchiveInput):
    image = serializers.CharField(max_length=400)


class BaseImages(ApiView):
    """Images that components may stand on."""

    scope = Scope.ADMIN

    @extend_schema(
        operation_id="base_images_list",
        responses=inline_serializer(
            "BaseImagePage",
            {
                "items": serializers.ListField(child=_BASE_IMAGE),
                "next": serializers.IntegerField(allow_null=True),
                "previous": serializers.IntegerField(allow_null=True),
            },
        ),
    )
    def get(self, request: Request) -> Response:
        """Newest first, without archived ones."""
        return list_response(request, selectors.list_base_images(), data.base_image_data)  # type: ignore[arg-type]

    @extend_schema(operation_id="base_images_create", request=BaseImageInput, responses={201: _BASE_IMAGE})
    def post(self, request: Request) -> Response:
        """Lists an image."""
        given = shapes.read(BaseImageInput, request)
        image = services.add_base_image(actor=actor_of(request), image=given["image"], note=given["note"])
        return Response(data.base_image_data(image), status=201)


class BaseImageArchive(ApiView):
    """Whether a base image may be chosen."""

    scope = Scope.ADMIN

    @extend_schema(operation_id="base_image_archive", request=BaseImageArchiveInput, responses=_BASE_IMAGE)
    def put(self, request: Request) -> Response:
        """Archives the image, or brings it back; components that stand on it keep it."""
        given = shapes.read(BaseImageArchiveInput, request)
        try:
            path, tag = split_image(given["image"])
        except GrammarError as exc:
            raise Invalid({"image": [exc.sentence]}) from exc
        rows = BaseImage.objects.filter(tag=tag, path__in=[path, path.strip("/"), f"/{path.strip('/')}"])
        image = rows.first()
        if image is None:
            raise Missing()
        services.archive_base_image(actor=actor_of(request), base_image=image, is_archived=given["is_archived"])
        return Response(data.base_image_data(image))
