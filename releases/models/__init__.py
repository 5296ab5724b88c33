"""The tables of an order, one file a noun."""

from releases.models.break_glass import BreakGlass
from releases.models.builds import Build, LateImage, LogCheck, LogChunk
from releases.models.day_notes import DayNote
from releases.models.deployments import (
    ContactDeadline,
    Deployment,
    NamespaceWatch,
    Placement,
    Prune,
    SpaceObservation,
)
from releases.models.drp import DrpMember, DrpRun, DrpSwitch
from releases.models.go_words import GoWord
from releases.models.holds import Hold
from releases.models.housekeeping import Expiry, Housekeeping
from releases.models.mentions import Mention
from releases.models.orders import Comment, OrderEvent, OrderFeed, ReleaseOrder
from releases.models.promotions import Approval, Promotion
from releases.models.readiness import Readiness
from releases.models.reviews import Review, Snapshot
from releases.models.saved_filters import SavedFilter
from releases.models.scale_requests import ScaleRequest
from releases.models.schedules import Schedule
from releases.models.turns import Turn
from releases.models.watching import Watch
from releases.models.written import SpaceComment

__all__ = [
    "Approval",
    "BreakGlass",
    "Build",
    "Comment",
    "ContactDeadline",
    "DayNote",
    "Deployment",
    "DrpMember",
    "DrpRun",
    "DrpSwitch",
    "Expiry",
    "GoWord",
    "Hold",
    "Housekeeping",
    "LateImage",
    "LogCheck",
    "LogChunk",
    "Mention",
    "NamespaceWatch",
    "OrderEvent",
    "OrderFeed",
    "Placement",
    "Promotion",
    "Prune",
    "Readiness",
    "ReleaseOrder",
    "Review",
    "SavedFilter",
    "ScaleRequest",
    "Schedule",
    "Snapshot",
    "SpaceComment",
    "SpaceObservation",
    "Turn",
    "Watch",
]
