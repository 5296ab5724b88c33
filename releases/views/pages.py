"""Pages of orders, deployments and what runs: their topics, and the rights of who asks."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.http import HttpRequest

from accounts.actor import actor_of
from environments.access import Rights
from foundation.pages import render_page
from releases.models import ReleaseOrder

page = partial(render_page, nav="orders", is_kept=False)
"""Not kept by the browser: a page that is gone back to must not show gates as they were."""


def rights_of(request: HttpRequest) -> Rights:
    """What the signed-in person may do: read once a request, for the view and for the shell around it."""
    kept = getattr(request, "rights", None)
    rights = kept if isinstance(kept, Rights) else Rights(actor_of(request))
    setattr(request, "rights", rights)  # noqa: B010 - Django's request has no place of its own for it
    return rights


def live(order: ReleaseOrder, *space_ids: int) -> dict[str, Any]:
    """The topics of a page about one order: its events are replayed, its spaces say that something changed."""
    topics = [f"order:{order.number}", *(f"space:{pk}" for pk in space_ids)]
    return {"topic": ",".join(topics), "topic_after": order.last_seq}
