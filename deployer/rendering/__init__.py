"""Templates and plain values to manifests, with the origin of every line; and to plain text.

Pure, but to be run only inside the render host (:mod:`deployer.render_host`), which bounds time and memory: a sandbox
bounds neither. :func:`why_unreadable` alone parses without running. Values can never become YAML syntax: see
:mod:`deployer.rendering.sandbox`.
"""

from deployer.rendering.render import RenderedText, render, render_text, why_unreadable
from deployer.rendering.source import comment_of_another_kind, straightened

__all__ = ["RenderedText", "comment_of_another_kind", "render", "render_text", "straightened", "why_unreadable"]
