"""``python -m tests.ux.site [folder]``: the furnished installation, served until Ctrl-C.

While it runs, tests and programs of this folder join it when ``UX_SITE`` names that folder: quicker than a new one.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.ux.scene import Scene, make_scene
from tests.whole.product import Product, running

KEPT = "scene.json"


@dataclass(frozen=True)
class Site:
    """A running product and what goes on in it."""

    product: Product
    scene: Scene

    @property
    def url(self) -> str:
        """Where it serves."""
        return self.product.url


@contextmanager
def furnished(folder: Path) -> Iterator[Site]:
    """The one that ``UX_SITE`` names, or a new one below ``folder`` for the length of the block."""
    if named := os.environ.get("UX_SITE"):
        # Its port is kept in its folder.
        product = Product(Path(named))
        yield Site(product, Scene(**json.loads((Path(named) / KEPT).read_text())))
        return
    with running(Product(folder)) as product:
        scene = make_scene(product)
        (folder / KEPT).write_text(json.dumps(asdict(scene), indent=1))
        yield Site(product, scene)


def main() -> int:
    """Serve until a signal comes."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp(prefix="prism4k-site-")).resolve()
    os.environ.pop("UX_SITE", None)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with furnished(folder) as site:
        sys.stdout.write(f"{site.url}\nUX_SITE={folder}\n{json.dumps(asdict(site.scene), indent=1)}\n")
        sys.stdout.flush()
        with suppress(KeyboardInterrupt):
            signal.pause()
    return 0


if __name__ == "__main__":
    sys.exit(main())
