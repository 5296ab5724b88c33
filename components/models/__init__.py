"""What we ship, and the servers that build and keep it. Everything an order names is a version and stays."""

from components.models.components import (
    NAMES_ONLY,
    SETTINGS_TEXTS,
    Allocation,
    BranchTip,
    Component,
    ComponentSettings,
    ConfigVersion,
    EntryCheck,
    Preview,
    ScalingRule,
)
from components.models.favourites import Favourite
from components.models.servers import GitServer, ImageRegistry, JenkinsServer, ServerTest, Toolchain
from components.models.templates import BaseImage, Template, TemplateVersion
from components.models.webhooks import RepositoryRead, Webhook, WebhookDelivery

__all__ = [
    "NAMES_ONLY",
    "SETTINGS_TEXTS",
    "Allocation",
    "BaseImage",
    "BranchTip",
    "Component",
    "ComponentSettings",
    "ConfigVersion",
    "EntryCheck",
    "Favourite",
    "GitServer",
    "ImageRegistry",
    "JenkinsServer",
    "Preview",
    "RepositoryRead",
    "ScalingRule",
    "ServerTest",
    "Template",
    "TemplateVersion",
    "Toolchain",
    "Webhook",
    "WebhookDelivery",
]
