"""A small program of our own that renders templates under limits, and the client that starts and asks it.

One per worker process. It is started by path with ``python -I``, an empty environment and no inherited descriptors, so
nothing that the worker knows (settings, keys, connections) is within a template's reach; each request is rendered in a
forked child with limits on memory, CPU, files and time.
"""

from deployer.render_host.client import RenderHost

render_host = RenderHost()
"""The one of this process: it starts with the first request, anew in a forked child."""
preview_host = RenderHost()
"""For texts that are only tried: a template without end keeps no build and no review waiting."""

__all__ = ["RenderHost", "preview_host", "render_host"]
