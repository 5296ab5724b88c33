"""Templates, their published texts, previews of texts that are not published yet, and base images of components."""

from __future__ import annotations

from uuid import UUID, uuid4

from django.db import transaction
from django.db.models import Q

import audit
from accounts.models import Project, User
from accounts.validation import save_clean
from components.choices import TemplateKind
from components.models import BaseImage, Component, Preview, Template, TemplateVersion
from components.selectors import latest_version, used_by, visible_users
from components.services.archive import set_archived
from components.services.versions import check_seen, insert_version
from components.validators import GrammarError, split_image
from deployer.rendering import comment_of_another_kind, straightened, why_unreadable
from environments.access import Rights, require
from foundation.messages import MessageLike, as_message
from foundation.messages import message as _
from foundation.problems import Invalid, Refused
from foundation.runs.choices import ACTIVE
from foundation.runs.wake import hinted_at, launch_hint


@transaction.atomic
def add_base_image(*, actor: User, image: str, note: str = "") -> BaseImage:
    """Lists ``path tag`` or ``path:tag``; brings an archived one back. Raises Invalid(image)."""
    require(actor, "manage_servers")
    try:
        path, tag = split_image(image)
    except GrammarError as exc:
        raise Invalid({"image": [exc.message]}) from exc
    # A leading slash makes no other image of it.
    known = next((row for row in BaseImage.objects.filter(tag=tag) if row.repository == path.strip("/")), None)
    if known is not None:
        if not known.is_archived:
            raise Invalid({"image": [_("This base image is listed already.")]})
        return archive_base_image(actor=actor, base_image=known, is_archived=False)
    row = save_clean(BaseImage(path=path, tag=tag, note=note.strip()[:200]))
    audit.record_act(
        actor,
        "add_base_image",
        row,
        after={"note": row.note},
    )
    return row


@transaction.atomic
def archive_base_image(*, actor: User, base_image: BaseImage, is_archived: bool = True) -> BaseImage:
    """Takes it out of the choices, or brings it back; components that stand on it keep it."""
    require(actor, "manage_servers")
    return set_archived(actor, base_image, "base_image", is_archived=is_archived)


MOST_BYTES = 64 * 1024
MOST_TRIED = 200
"""Components that one trial renders for."""


@transaction.atomic
def create_template(
    *, actor: User, kind: str, name: str, body: str, project: Project | None = None, note: str = ""
) -> Template:
    """A template with its first version; global without a project.

    A name means one template for every project: a project cannot reuse a global name, nor the other way round.
    Raises Invalid by field.
    """
    _require(actor, project)
    text = _check_published(body, kind)
    template = Template(kind=kind, name=name.strip(), project=project)
    others = Template.objects.filter(name=template.name)
    if project is not None:
        others = others.filter(Q(project=project) | Q(project=None))
    taken = others.select_related("project").first()
    if taken is not None:
        where = taken.project.slug if taken.project else _("the global templates")
        raise Invalid({"name": [_("This name is taken by a template of %(where)s.", where=where)]})
    save_clean(template)
    version = TemplateVersion(template=template, number=1, body=text, note=note.strip()[:200], author=actor)
    insert_version(version, None)
    audit.record_act(actor, "create_template", template, reason=version.note, after={"kind": kind, "version": 1})
    return template


@transaction.atomic
def publish_version(
    *, actor: User, template: Template, body: str, seen_number: int | None = None, note: str = ""
) -> TemplateVersion:
    """The template's new text, from the next review or build on; nothing is saved when nothing changed.

    What it renders to is for a preview to show: here it must only be readable as a template.
    Raises Invalid, Stale, Refused.
    """
    _require(actor, template.project)
    if template.is_archived:
        raise Refused(_("The template is archived: take it out of the archive first."))
    text = _check_published(body, template.kind)
    current = latest_version(template)
    check_seen(current, seen_number)
    if current and current.body == text:
        return current
    number = current.number + 1 if current else 1
    version = TemplateVersion(template=template, number=number, body=text, note=note.strip()[:200], author=actor)
    insert_version(version, current)
    audit.record_act(
        actor,
        "publish_template",
        template,
        reason=version.note,
        before={"version": number - 1},
        after={"version": number},
    )
    return version


@transaction.atomic
def archive_template(*, actor: User, template: Template, is_archived: bool = True) -> Template:
    """Takes the template out of the choices, or brings it back. Raises Refused while components use it."""
    _require(actor, template.project)
    users = used_by(template) if is_archived else []
    if users:
        names = [component.name for component in users[:5]]
        message = _(
            "%(count)s components use this template (%(names)s): give them another one first.",
            count=len(users),
            names=names,
        )
        raise Refused(message)
    return set_archived(actor, template, "template", is_archived=is_archived)


PREVIEWS = "previews"
"""Has slots as a remote has: so many previews at a time in a process, and the other threads are for orders."""
MOST_PREVIEWS = 4


@transaction.atomic
def start_preview(
    *,
    actor: User,
    component: Component,
    kind: str,
    body: str,
    template: Template | None = None,
    batch: UUID | None = None,
) -> Preview:
    """A run that renders the text for every environment of the component; its results come with the row.

    Raises Refused for a person who has several under way.
    """
    require(actor, "preview_template", project_id=component.project_id)
    if kind not in TemplateKind.values:
        raise Invalid({"kind": [_("There is no such kind of template.")]})
    under_way = Preview.objects.filter(requested_by=actor, state__in=sorted(ACTIVE))
    if batch is None and under_way.filter(batch=None).count() >= MOST_PREVIEWS:
        raise Refused(_("%(n)s previews of yours are under way: wait until one of them has ended.", n=MOST_PREVIEWS))
    preview = Preview.objects.create(
        component=component,
        template=template,
        kind=kind,
        body=_check_body(body),
        requested_by=actor,
        batch=batch,
        remote=PREVIEWS,
        next_at=hinted_at(),
    )
    launch_hint("preview", preview.pk)
    return preview


@transaction.atomic
def start_trial(*, actor: User, template: Template, body: str) -> UUID:
    """Renders the text for everybody who uses the template and whom the actor may preview with: who would break?

    The previews share the batch that is returned. Raises Invalid; Refused when nobody uses it, and for a person whose
    last trial is under way.
    """
    text = _check_body(body)
    if Preview.objects.filter(requested_by=actor, state__in=sorted(ACTIVE)).exclude(batch=None).exists():
        raise Refused(_("Your last trial is under way: wait until all of its previews have ended."))
    rights = Rights(actor)
    users = [row for row in visible_users(actor, template) if rights.can("preview_template", project_id=row.project_id)]
    if not users:
        raise Refused(_("No component that you may preview with uses this template: there is nothing to try it with."))
    batch = uuid4()
    for component in users[:MOST_TRIED]:
        start_preview(actor=actor, component=component, kind=template.kind, body=text, template=template, batch=batch)
    return batch


def _require(actor: User, project: Project | None) -> None:
    if project is None:
        require(actor, "edit_global_template")
    else:
        require(actor, "edit_project_template", project_id=project.pk)


def _check_body(body: str) -> str:
    """The text with LF line ends; raises Invalid(body)."""
    text = straightened(body)
    said: list[MessageLike] = []
    if not text.strip():
        said.append(_("The text is empty."))
    if "\x00" in text:
        said.append(_("A text cannot hold a NUL character."))
    if len(text.encode()) > MOST_BYTES:
        said.append(_("A template has at most 64 KiB."))
    if said:
        raise Invalid({"body": said})
    return text


def _check_published(body: str, kind: str) -> str:
    """The same of what is to be used: it must be readable as a template too."""
    text = _check_body(body)
    trouble = why_unreadable(text, is_text=kind in (TemplateKind.DOCKERFILE, TemplateKind.BOOTSTART))
    if trouble is None and kind == TemplateKind.DOCKERFILE:
        trouble = comment_of_another_kind(text)
    if trouble:
        line, why = trouble
        raise Invalid({"body": [_("Line %(line)s cannot be read: %(why)s", line=line, why=as_message(why))]})
    return text
