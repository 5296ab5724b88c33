from django.apps import AppConfig

from environments import page_parts


class DeskConfig(AppConfig):
    name = "desk"

    def ready(self) -> None:
        """Pages of lower apps show what this one knows."""
        for part in ("work_part", "matrix_part", "deployments_part"):
            page_parts.PROJECT.register(f"desk.project_page.{part}")
