"""The verbs of the table in words, as they follow "may": for the permission explainer. A test holds that none lacks."""

from __future__ import annotations

from foundation.messages import MessageLike
from foundation.messages import message as _

ACTS: dict[str, MessageLike] = {
    "see": _("see the project, its orders, logs and reviews"),
    "create_order": _("create an order"),
    "list_branches": _("list branches, Git tags and commits"),
    "build": _("build an order"),
    "stop_build": _("stop a build"),
    "close_order": _("close an order as done"),
    "withdraw_order": _("withdraw an order"),
    "check": _("check an order or a twin"),
    "return": _("return an order"),
    "comment": _("comment on an order"),
    "promote": _("promote an order or withdraw a promotion"),
    "review": _("start a review"),
    "approve": _("approve or reject"),
    "withdraw_approval": _("withdraw an approval"),
    "deploy": _("deploy, roll back, restart and scale"),
    "take_over": _("take over fields that others set"),
    "remove": _("remove a component from the space"),
    "cancel_deployment": _("cancel a deployment"),
    "force_release": _("release a place by force"),
    "break_glass": _("open the flow for one order by break-glass"),
    "review_break_glass": _("end and review a break-glass"),
    "drp": _("ask for a DRP switch or a drill and take it further"),
    "confirm_drp": _("confirm, refuse and review a DRP switch or a drill of somebody else"),
    "hold": _("hold a space or a component in it"),
    "lift_hold": _("lift a hold"),
    "edit_component": _("change settings of a component"),
    "edit_project_template": _("change templates of the project"),
    "preview_template": _("preview a template"),
    "edit_config": _("change configuration outside production"),
    "edit_production_config": _("change configuration in production"),
    "edit_allocation": _("change an allocation"),
    "archive_component": _("archive a component"),
    "manage_members": _("manage members and grants"),
    "edit_policy": _("change the policy of a space"),
    "freeze": _("freeze the project or a space of it"),
    "confirm_rule_change": _("confirm or refuse a rule change"),
    "read_project_audit": _("read the audit of the project"),
    "read_report": _("read the report of the project"),
    "manage_webhooks": _("manage the webhooks of the project"),
    "redeliver": _("read the log of a webhook and send a delivery once more"),
    "see_site": _("see people, clusters and servers"),
    "manage_projects": _("manage projects and organisations"),
    "manage_people": _("manage people and groups"),
    "manage_site_roles": _("give and end site roles"),
    "manage_places": _("manage clusters, environments and spaces"),
    "freeze_site": _("freeze the whole site"),
    "confirm_site_rule": _("confirm or refuse a rule change of an environment"),
    "edit_grants": _("change the ways out of a space"),
    "manage_servers": _("manage servers and base images"),
    "edit_global_template": _("change global templates"),
    "read_audit": _("read, export and verify the audit"),
    "see_health": _("see the system health and wake stuck runs"),
}

OWNERS: dict[str, MessageLike] = {
    "author": _("the order's author"),
    "deployer": _("the person who deploys"),
    "giver": _("the person who gave the approval"),
    "holder": _("the person who holds it"),
}
"""Whose thing it is, as ``docs/permissions.csv`` calls them in its column "own"."""

OWNED: dict[str, str] = {
    "build": "author",
    "stop_build": "author",
    "close_order": "author",
    "withdraw_order": "author",
    "promote": "author",
    "withdraw_approval": "giver",
    "cancel_deployment": "deployer",
    "lift_hold": "holder",
}
"""Who may besides the roles because the thing is theirs; promoting only where creators may."""
