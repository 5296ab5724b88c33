"""Where orders go, and who may do what there."""

from environments.models.freezes import DayCalendar, Freeze
from environments.models.members import Group, GroupMember, Membership
from environments.models.places import Cluster, Environment, GrantedNodePort, Space
from environments.models.rule_changes import RuleChange
from environments.models.runs import (
    ClusterContact,
    ClusterTest,
    NodeObservation,
    PullSecret,
    QuotaObservation,
    SpaceSync,
)

__all__ = [
    "Cluster",
    "ClusterContact",
    "ClusterTest",
    "DayCalendar",
    "Environment",
    "Freeze",
    "GrantedNodePort",
    "Group",
    "GroupMember",
    "Membership",
    "NodeObservation",
    "PullSecret",
    "QuotaObservation",
    "RuleChange",
    "Space",
    "SpaceSync",
]
