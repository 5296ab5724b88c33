"""Pages of components, templates and servers."""

from __future__ import annotations

from functools import partial

from foundation.pages import render_page

page = partial(render_page, nav="components")
