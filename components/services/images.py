"""Base images that components may stand on."""

from __future__ import annotations

from django.db import transaction

from accounts.cleaning import save_clean
from accounts.models import User
from audit.recording import record
from components.grammar import GrammarError, split_image
from components.models import BaseImage
from environments.access import require
from foundation.problems import Invalid
from foundation.sentences import say as _


@transaction.atomic
def add_base_image(*, actor: User, image: str, note: str = "") -> BaseImage:
    """Lists ``path tag`` or ``path:tag``; brings an archived one back. Raises Invalid(image)."""
    require(actor, "manage_servers")
    try:
        path, tag = split_image(image)
    except GrammarError as exc:
        raise Invalid({"image": [exc.sentence]}) from exc
    # A leading slash makes no other image of it.
    known = next((row for row in BaseImage.objects.filter(tag=tag) if row.repository == path.strip("/")), None)
    if known is not None:
        if not known.is_archived:
            raise Invalid({"image": [_("This base image is listed already.")]})
        return archive_base_image(actor=actor, base_image=known, is_archived=False)
    row = save_clean(BaseImage(path=path, tag=tag, note=note.strip()[:200]))
    record(
        actor,
        "add_base_image",
        object_type="base_image",
        object_id=row.pk,
        object_name=str(row),
        after={"note": row.note},
    )
    return row


@transaction.atomic
def archive_base_image(*, actor: User, base_image: BaseImage, is_archived: bool = True) -> BaseImage:
    """Takes it out of the choices, or brings it back; components that stand on it keep it."""
    require(actor, "manage_servers")
    if base_image.is_archived != is_archived:
        base_image.is_archived = is_archived
        base_image.save(update_fields=["is_archived"])
        record(
            actor,
            "archive_base_image" if is_archived else "restore_base_image",
            object_type="base_image",
            object_id=base_image.pk,
            object_name=str(base_image),
        )
    return base_image
