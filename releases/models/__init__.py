"""The rows of the order's room, one file a noun."""

from releases.models.builds import Build, LogChunk
from releases.models.deployments import Deployment, NamespaceWatch, Placement
from releases.models.housekeeping import Housekeeping
from releases.models.orders import Comment, OrderEvent, ReleaseOrder
from releases.models.promotions import Approval, Promotion
from releases.models.reviews import Review, Snapshot

__all__ = [
    "Approval",
    "Build",
    "Comment",
    "Deployment",
    "Housekeeping",
    "LogChunk",
    "NamespaceWatch",
    "OrderEvent",
    "Placement",
    "Promotion",
    "ReleaseOrder",
    "Review",
    "Snapshot",
]
