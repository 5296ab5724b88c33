"""Credentials of image registries for the spaces that were granted them: what ``environments.registries`` asks."""

from __future__ import annotations

import base64
import json

from components.models import ImageRegistry


class PullSecrets:
    """Answers from the rows; see ``environments.registries.Registries``."""

    def versions(self) -> dict[str, str]:
        """Of registries outside of the archive that have a user name and a password."""
        rows = ImageRegistry.objects.filter(is_archived=False).exclude(username="")
        return {row.slug: row.credentials_version.hex for row in rows if row.password}

    def docker_config(self, slug: str) -> str:
        """As ``kubectl create secret docker-registry`` writes it. Raises SecretUnreadable, LookupError."""
        row = ImageRegistry.objects.filter(slug=slug, is_archived=False).exclude(username="").first()
        if row is None or not row.password:
            raise LookupError(slug)
        pair = base64.b64encode(f"{row.username}:{row.password}".encode()).decode()
        entry = {"username": row.username, "password": row.password, "auth": pair}
        return json.dumps({"auths": {row.address: entry}})


answers = PullSecrets()
