"""``python -m tests.ux.pictures``: every screen × state × theme × language × width into ``var/screens/``.

Beside the pictures lies a contact sheet for each screen, as a page and as one picture. ``ONLY=order,home`` looks at
some screens only.
"""

from __future__ import annotations

import html
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from itertools import product
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from tests.browser import launch
from tests.ux.browser_view import DARK, HEIGHT, LANGUAGES, THEMES, WIDTHS, Seen, Viewer
from tests.ux.screens import VIEWS, View
from tests.ux.site import Site, furnished
from tests.whole.product import ROOT

OUT = ROOT / "var" / "screens"
WORKERS = int(os.environ.get("WORKERS") or 2)
TALLEST = 6000
"""A longer page is cut: a list of ten thousand rows is one picture all the same."""
THUMB = 230


def main() -> int:
    """Exit code 1 when a screen could not be pictured."""
    only = {name for name in os.environ.get("ONLY", "").split(",") if name}
    views = [view for view in VIEWS if not only or view.screen in only]
    began = time.monotonic()
    if not only:
        shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="prism4k-pictures-") as folder, furnished(Path(folder)) as site:
        troubles = _take_all(site, views)
    _sheets(views)
    count = sum(1 for _picture in OUT.glob("*/*.png"))
    _say(f"{count} pictures in {OUT}, {time.monotonic() - began:.0f} s. Begin with {OUT}/index.html")
    for trouble in troubles:
        _say(trouble)
    return 1 if troubles else 0


def _take_all(site: Site, views: list[View]) -> list[str]:
    with ProcessPoolExecutor(WORKERS) as pool:
        # What goes on for some minutes only comes first.
        views = sorted(views, key=lambda view: "rolling" not in view.path)
        shares = [views[place::WORKERS] for place in range(WORKERS)]
        done = [pool.submit(_take, site.product.data.parent, share) for share in shares]
        return [trouble for one in done for trouble in one.result()]


def _take(folder: Path, views: list[View]) -> list[str]:
    """In a process of its own: a browser, and one share of the screens."""
    os.environ["UX_SITE"] = str(folder)
    troubles = []
    with sync_playwright() as playwright, furnished(folder) as site:
        browser = launch(playwright)
        viewer = Viewer(site, browser)
        for view in views:
            for language in LANGUAGES:
                try:
                    troubles += _take_view(viewer, view, language)
                except Exception as error:  # the rest is pictured all the same
                    troubles.append(f"{view.name} {language}: {error}")
        browser.close()
    return troubles


def _take_view(viewer: Viewer, view: View, language: str) -> list[str]:
    """Loaded once; theme and width are changed under it, as a person's system and window would."""
    seen = viewer.open(view, language=language)
    (OUT / view.screen).mkdir(exist_ok=True)
    for theme, width in product(THEMES, WIDTHS):
        seen.page.emulate_media(color_scheme="dark" if theme == DARK else "light")
        seen.resize(width)
        shoot(seen, OUT / view.screen / f"{picture_name(view, theme, language, width)}.png")
    seen.page.close()
    return [f"{view.name} {language}: {trouble}" for trouble in seen.troubles]


def picture_name(view: View, theme: str, language: str, width: int) -> str:
    """``normal-dark-zh-360``."""
    return f"{view.state}-{theme}-{language[:2]}-{width}"


def shoot(seen: Seen, path: Path) -> None:
    """The whole page, up to a height; what sticks to an edge of the window stands where it would."""
    tall = int(seen.page.evaluate("document.documentElement.scrollHeight"))
    width = seen.page.viewport_size["width"] if seen.page.viewport_size else WIDTHS[0]
    seen.page.set_viewport_size({"width": width, "height": max(HEIGHT, min(tall, TALLEST))})
    seen.page.screenshot(path=str(path))


# ---------------------------------------------------------------- contact sheets
def _sheets(views: list[View]) -> None:
    screens = list(dict.fromkeys(view.screen for view in views))
    with sync_playwright() as playwright:
        browser = launch(playwright)
        for screen in screens:
            _sheet(browser, screen, [view for view in views if view.screen == screen])
        browser.close()
    every = sorted(path.stem for path in OUT.glob("*.html") if path.stem != "index")
    links = "".join(f'<li><a href="{name}.html">{name}</a></li>' for name in every)
    (OUT / "index.html").write_text(_page("Screens", f"<ul>{links}</ul>"), encoding="utf-8")


def _sheet(browser: Browser, screen: str, views: Iterable[View]) -> None:
    rows = []
    for view in views:
        for language, theme in product(LANGUAGES, THEMES):
            names = [picture_name(view, theme, language, width) for width in WIDTHS]
            cells = "".join(
                f'<td><a href="{screen}/{name}.png"><img src="{screen}/{name}.png" alt="{name}"></a></td>'
                for name in names
                if (OUT / screen / f"{name}.png").exists()
            )
            rows.append(f"<tr><th>{view.state}<br>{theme}<br>{language}</th>{cells}</tr>")
    path = OUT / f"{screen}.html"
    path.write_text(_page(screen, f"<table>{''.join(rows)}</table>"), encoding="utf-8")
    page = browser.new_page(viewport={"width": 3 * THUMB + 160, "height": HEIGHT})
    page.goto(path.as_uri())
    page.screenshot(path=str(path.with_suffix(".png")), full_page=True)
    page.close()


def _page(title: str, body: str) -> str:
    style = (
        "body{font:13px system-ui;margin:16px;background:#ccc}th{text-align:left;vertical-align:top;padding:4px 8px}"
        f"td{{vertical-align:top;padding:4px}}img{{width:{THUMB}px;max-height:520px;object-fit:cover;object-position:top;"
        "border:1px solid #888}"
    )
    name = html.escape(title)
    head = f"<!doctype html><meta charset=utf-8><title>{name}</title><style>{style}</style>"
    return f"{head}<h1>{name}</h1>{body}"


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
