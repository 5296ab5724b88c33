"""How a component is called where room is short."""

from __future__ import annotations


def short_code(name: str, project_slug: str) -> str:
    """``SIS-OMM-JTC-APP-PROXY-GW`` in project ``sis-omm`` → ``JTC-APP-PROXY-GW``: the project is said beside it."""
    prefix = f"{project_slug}-"
    is_inside = name.lower().startswith(prefix.lower()) and len(name) > len(prefix)
    return name[len(prefix) :] if is_inside else name
