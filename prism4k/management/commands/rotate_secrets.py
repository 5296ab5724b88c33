"""``manage.py rotate_secrets``: seals every stored secret with the current key, so that old keys can go."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.core.management.base import BaseCommand

import audit
from foundation.encryption import current_key_id, encrypted_fields, rotate


class Command(BaseCommand):
    """Safe while everything runs; afterwards the keys behind the first may leave ENCRYPTION_KEYS."""

    help = "Encrypts every stored secret anew with the first of ENCRYPTION_KEYS."

    def handle(self, *args: Any, **options: Any) -> None:
        changed = sum(rotate(model) for model in apps.get_models() if encrypted_fields(model))
        after = {"changed": changed, "key": current_key_id()}
        audit.record(audit.platform, "platform.secrets_rotated", object_type="platform", after=after)
        self.stdout.write(f"{changed} secrets sealed anew; all use the key {current_key_id()!r} now.")
