"""The next thing to do about a failed rollout, as links to where it is done."""

from __future__ import annotations

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from releases.models import Deployment
from releases.views.shown.acts import Act

CONFIGURATION = frozenset({"config_missing", "crash_loop", "init_failed", "not_ready", "stuck_creating"})
ALLOCATION = frozenset({"out_of_memory", "unschedulable", "quota_exceeded", "limit_range", "evicted"})
TEMPLATE = frozenset({"image_name_invalid", "liveness_failed", "quota_needs_resources", "pod_security", "start_failed"})


def ways_on(deployment: Deployment, code: str) -> list[Act]:
    """Where the cause can be taken away: configuration, allocation; nothing for what others must mend."""
    space, component = deployment.space, deployment.component
    names = [space.project.slug, component.slug]
    label = space.environment.label
    if code in CONFIGURATION:
        return [
            Act(
                _("Open the configuration of %(name)s") % {"name": label},
                reverse("components:configuration", args=[*names, space.environment.slug]),
            ),
            Act(_("Compare configurations"), reverse("components:configurations", args=names)),
        ]
    if code in ALLOCATION:
        return [Act(_("Open the component's allocation"), reverse("components:detail", args=names))]
    if code in TEMPLATE:
        return [Act(_("Open the templates"), reverse("components:templates"))]
    return []
