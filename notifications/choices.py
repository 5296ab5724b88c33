"""Closed sets of this app: what may be told, and by which way."""

from django.db import models
from django.utils.translation import pgettext_lazy


class NoticeKind(models.TextChoices):
    """What somebody is told of; each is chosen by itself."""

    APPROVAL = "approval", pgettext_lazy("notice", "My approval is asked for")
    APPROVED = "approved", pgettext_lazy("notice", "What I may deploy is approved")
    REJECTED = "rejected", pgettext_lazy("notice", "My order, or what I promoted, is rejected")
    PROMOTED = "promoted", pgettext_lazy("notice", "An order is promoted to where I deploy")
    TO_TEST = "to_test", pgettext_lazy("notice", "An order waits for my test")
    DEPLOYED = "deployed", pgettext_lazy("notice", "My deployment, or that of my order, succeeded")
    DEPLOYMENT_FAILED = "deployment_failed", pgettext_lazy("notice", "My deployment, or that of my order, failed")
    BUILT = "built", pgettext_lazy("notice", "My build succeeded")
    BUILD_FAILED = "build_failed", pgettext_lazy("notice", "My build failed")
    RETURNED = "returned", pgettext_lazy("notice", "My order is returned")
    BREAK_GLASS = "break_glass", pgettext_lazy("notice", "A break-glass waits for my review")
    RULE_CHANGE = "rule_change", pgettext_lazy("notice", "A rule change waits for my confirmation")
    RULE_DECIDED = "rule_decided", pgettext_lazy("notice", "My rule change is decided")
    DRP = "drp", pgettext_lazy("notice", "A DRP switch or drill waits for my confirmation")
    DRP_WENT_ON = "drp_went_on", pgettext_lazy("notice", "A DRP switch or drill of mine went on, stopped or ended")
    SCHEDULE_MISSED = (
        "schedule_missed",
        pgettext_lazy("notice", "My scheduled deployment, or that of my order, was missed"),
    )
    HOLD_OVER = "hold_over", pgettext_lazy("notice", "A place that I wait for, or that I held, is held no more")
    MENTIONED = "mentioned", pgettext_lazy("notice", "Somebody names me in a comment")


OF_A_PROJECT = (
    (NoticeKind.APPROVAL, pgettext_lazy("webhook", "An approval is asked for")),
    (NoticeKind.APPROVED, pgettext_lazy("webhook", "An order is approved")),
    (NoticeKind.REJECTED, pgettext_lazy("webhook", "An order is rejected")),
    (NoticeKind.PROMOTED, pgettext_lazy("webhook", "An order is promoted")),
    (NoticeKind.TO_TEST, pgettext_lazy("webhook", "An order waits for a test")),
    (NoticeKind.DEPLOYED, pgettext_lazy("webhook", "A deployment succeeded")),
    (NoticeKind.DEPLOYMENT_FAILED, pgettext_lazy("webhook", "A deployment failed")),
    (NoticeKind.BUILT, pgettext_lazy("webhook", "A build succeeded")),
    (NoticeKind.BUILD_FAILED, pgettext_lazy("webhook", "A build failed")),
    (NoticeKind.RETURNED, pgettext_lazy("webhook", "An order is returned")),
    (NoticeKind.BREAK_GLASS, pgettext_lazy("webhook", "A break-glass waits for its review")),
    (NoticeKind.RULE_CHANGE, pgettext_lazy("webhook", "A rule change waits for a second person")),
    (NoticeKind.RULE_DECIDED, pgettext_lazy("webhook", "A rule change is decided")),
    (NoticeKind.DRP, pgettext_lazy("webhook", "A DRP switch or drill waits for a second person")),
    (NoticeKind.DRP_WENT_ON, pgettext_lazy("webhook", "A DRP switch or drill went on, stopped or ended")),
    (NoticeKind.SCHEDULE_MISSED, pgettext_lazy("webhook", "A scheduled deployment was missed")),
    (NoticeKind.HOLD_OVER, pgettext_lazy("webhook", "A place is held no more")),
    (NoticeKind.MENTIONED, pgettext_lazy("webhook", "Somebody is named in a comment")),
)
"""The kinds as a webhook's: nobody's own."""


class Way(models.TextChoices):
    """How it reaches a person. Without the list there is no other way either: what is sent is also to be found."""

    LIST = "list", pgettext_lazy("way of telling", "In the list")
    BROWSER = "browser", pgettext_lazy("way of telling", "In the browser")
    MAIL = "mail", pgettext_lazy("way of telling", "By mail")


WAITS = frozenset({NoticeKind.APPROVAL, NoticeKind.BREAK_GLASS, NoticeKind.RULE_CHANGE, NoticeKind.DRP})
ASKED = WAITS | {
    NoticeKind.DEPLOYMENT_FAILED, NoticeKind.SCHEDULE_MISSED, NoticeKind.RETURNED, NoticeKind.MENTIONED,
}  # fmt: skip
"""What somebody waits for, or what went wrong: by every way, unless a person chooses otherwise."""
SEEN_AT_ONCE = ASKED | {
    NoticeKind.APPROVED, NoticeKind.REJECTED, NoticeKind.BUILD_FAILED, NoticeKind.TO_TEST, NoticeKind.HOLD_OVER,
}  # fmt: skip
"""What a browser shows, unless a person chooses otherwise."""


def ways_by_default(kind: str) -> list[str]:
    """What holds for who has chosen nothing."""
    return [
        str(way)
        for way, kinds in ((Way.LIST, None), (Way.BROWSER, SEEN_AT_ONCE), (Way.MAIL, ASKED))
        if kinds is None or kind in kinds
    ]


class BodyForm(models.TextChoices):
    """What a webhook's receiver reads: JSON of ours with a signature, or what the group robot of a chat takes."""

    SIGNED = "signed", pgettext_lazy("webhook", "JSON, signed")
    WECOM = "wecom", pgettext_lazy("webhook", "WeCom group robot")
    DINGTALK = "dingtalk", pgettext_lazy("webhook", "DingTalk group robot")
    FEISHU = "feishu", pgettext_lazy("webhook", "Feishu group robot")
    SLACK = "slack", pgettext_lazy("webhook", "Slack incoming webhook")
