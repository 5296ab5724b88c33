"""Rows of this app."""

from notifications.models.mails import Mail
from notifications.models.notices import Notice, Telling
from notifications.models.preferences import Mute, Preferences

__all__ = ["Mail", "Mute", "Notice", "Preferences", "Telling"]
