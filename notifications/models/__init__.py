"""Rows of this app."""

from notifications.models.mails import Mail
from notifications.models.notices import Notice, Telling
from notifications.models.preferences import Mute, Preferences
from notifications.models.webhooks import Dispatch, OutgoingWebhook

__all__ = ["Dispatch", "Mail", "Mute", "Notice", "OutgoingWebhook", "Preferences", "Telling"]
