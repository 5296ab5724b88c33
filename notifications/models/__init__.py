"""Rows of this app."""

from notifications.models.notices import Notice, Telling
from notifications.models.preferences import Mute, Preferences

__all__ = ["Mute", "Notice", "Preferences", "Telling"]
