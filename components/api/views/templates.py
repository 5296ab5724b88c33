"""Templates and base images."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actor import actor_of
from accounts.choices import Scope
from accounts.models import Project, User
from components import selectors, services
from components.api.serializers import ArchiveInput
from components.api.serializers import templates as shapes
from components.models import BaseImage, Component, Template
from components.validators import GrammarError, split_image
from environments.access import visible_projects
from foundation.api.pagination import KEYSET, page_of
from foundation.api.views import ApiView
from foundation.messages import message as _
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
        parameters=[
            *KEYSET,
            OpenApiParameter("project", OpenApiTypes.STR, description="only its own and the global ones"),
        ],
        responses=page_of("TemplatePage", shapes.TemplateOutput),
    )
    def get(self, request: Request) -> Response:
        """Newest first, without archived ones."""
        project = _project(request, request.query_params.get("project", ""))
        rows = selectors.list_templates(actor_of(request), project=project)
        return self.page(shapes.TemplateOutput, rows)

    @extend_schema(
        operation_id="templates_create", request=shapes.TemplateInput, responses={201: shapes.TemplateDetail}
    )
    def post(self, request: Request) -> Response:
        """A template with its first version."""
        given = self.given(shapes.TemplateInput)
        project = _project(request, given.pop("project"))
        template = services.create_template(actor=actor_of(request), project=project, **given)
        return self.shown(shapes.TemplateDetail, template_detail(template, []), 201)


class OneTemplate(ApiView):
    """A template by its file name."""

    @extend_schema(operation_id="template_retrieve", parameters=[_PROJECT], responses=shapes.TemplateDetail)
    def get(self, request: Request, name: str) -> Response:
        """The newest text, and which components use it."""
        template = _find(request, name)
        return self.shown(shapes.TemplateDetail, _detail(request, template))


class Versions(ApiView):
    """Published texts of a template."""

    scope = Scope.ADMIN

    @extend_schema(
        operation_id="template_versions_list",
        parameters=[*KEYSET, _PROJECT],
        responses=page_of("TemplateVersionPage", shapes.VersionOutput),
    )
    def get(self, request: Request, name: str) -> Response:
        """Newest first."""
        rows = _find(request, name).versions.select_related("author")
        return self.page(shapes.VersionOutput, rows)

    @extend_schema(
        operation_id="template_versions_create",
        parameters=[_PROJECT],
        request=shapes.VersionInput,
        responses={201: shapes.VersionOutput},
    )
    def post(self, request: Request, name: str) -> Response:
        """Publishes a text; nothing is saved when nothing changed."""
        given = self.given(shapes.VersionInput)
        version = services.publish_version(
            actor=actor_of(request),
            template=_find(request, name),
            body=given["body"],
            seen_number=given.get("seen_number"),
            note=given["note"],
        )
        return self.shown(shapes.VersionOutput, version, 201)


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
        """Renders it for each of them; read the trial until all states are final: failed ones would break."""
        user, given = actor_of(request), self.given(shapes.TrialInput)
        batch = services.start_trial(actor=user, template=_find(request, name), body=given["body"])
        return self.shown(shapes.TrialOutput, _page_of_trial(user, batch), 201)


class OneTrial(ApiView):
    @extend_schema(operation_id="trial_retrieve", responses=shapes.TrialOutput)
    def get(self, request: Request, batch: UUID) -> Response:
        """How far each rendering is, and what it found."""
        return self.shown(shapes.TrialOutput, _page_of_trial(actor_of(request), batch))


def _page_of_trial(user: User, batch: UUID) -> dict[str, Any]:
    """Its previews in the form of all lists; raises Missing."""
    return {"trial": batch, "items": selectors.trial(user, batch), "next": None, "previous": None}


class TemplateArchive(ApiView):
    """Whether a template may be chosen."""

    scope = Scope.ADMIN

    @extend_schema(
        operation_id="template_archive",
        parameters=[_PROJECT],
        request=ArchiveInput,
        responses=shapes.TemplateDetail,
    )
    def put(self, request: Request, name: str) -> Response:
        """Archives the template, or brings it back; refused while components use it."""
        template = _find(request, name)
        is_archived = self.given(ArchiveInput)["is_archived"]
        services.archive_template(actor=actor_of(request), template=template, is_archived=is_archived)
        return self.shown(shapes.TemplateDetail, _detail(request, template))


def _detail(request: Request, template: Template) -> dict[str, Any]:
    return template_detail(template, selectors.visible_users(actor_of(request), template))


def template_detail(template: Template, users: list[Component]) -> dict[str, Any]:
    """The rows that :class:`TemplateDetail` shows: a template with its newest text and who uses it."""
    return {
        "kind": template.kind,
        "name": template.name,
        "project": template.project,
        "is_archived": template.is_archived,
        "version": selectors.latest_version(template),
        "used_by": [f"{component.project.slug}/{component.slug}" for component in users],
    }


# ---------------------------------------------------------------- base images
class BaseImages(ApiView):
    """Images that components may stand on."""

    scope = Scope.ADMIN

    @extend_schema(
        operation_id="base_images_list",
        parameters=KEYSET,
        responses=page_of("BaseImagePage", shapes.BaseImageOutput),
    )
    def get(self, request: Request) -> Response:
        """Newest first, without archived ones."""
        return self.page(shapes.BaseImageOutput, selectors.list_base_images())

    @extend_schema(
        operation_id="base_images_create", request=shapes.BaseImageInput, responses={201: shapes.BaseImageOutput}
    )
    def post(self, request: Request) -> Response:
        """Lists an image."""
        given = self.given(shapes.BaseImageInput)
        image = services.add_base_image(actor=actor_of(request), image=given["image"], note=given["note"])
        return self.shown(shapes.BaseImageOutput, image, 201)


class BaseImageArchive(ApiView):
    """Whether a base image may be chosen."""

    scope = Scope.ADMIN

    @extend_schema(
        operation_id="base_image_archive", request=shapes.BaseImageArchiveInput, responses=shapes.BaseImageOutput
    )
    def put(self, request: Request) -> Response:
        """Archives the image, or brings it back; components that stand on it keep it."""
        given = self.given(shapes.BaseImageArchiveInput)
        try:
            path, tag = split_image(given["image"])
        except GrammarError as exc:
            raise Invalid({"image": [exc.message]}) from exc
        rows = BaseImage.objects.filter(tag=tag, path__in=[path, path.strip("/"), f"/{path.strip('/')}"])
        image = rows.first()
        if image is None:
            raise Missing()
        services.archive_base_image(actor=actor_of(request), base_image=image, is_archived=given["is_archived"])
        return self.shown(shapes.BaseImageOutput, image)
