"""``manage.py createsuperuser``: Django's name for ``first_admin``; rights come from memberships here."""

from environments.management.commands.first_admin import Command

__all__ = ["Command"]
