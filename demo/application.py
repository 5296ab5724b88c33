"""The source of the demo's application: a quote desk over HTTP that needs nothing but Python, and its Makefile."""

from __future__ import annotations

from demo.world import App

SERVER = "src/desk/server.py"

_MAKEFILE = """\
# `make package` tests and packs the application into one file; `make war` packs it as a web archive.
FOLDER := {folder}
PACKAGE := $(FOLDER){package}
STEM := $(basename $(PACKAGE))
# Compiled files stay out of what is packed.
export PYTHONPYCACHEPREFIX := $(CURDIR)/.cache

.PHONY: package war test clean

package: test
\tmkdir -p $(FOLDER)
\tpython3 -m zipapp src --output $(STEM).pyz --main desk.server:main --python "/usr/bin/env python3" --compress
\t@ls -l $(STEM).pyz

war: test
\tmkdir -p $(FOLDER) build/WEB-INF/classes
\tcp -R src/. build/WEB-INF/classes/
\tcp web/index.html build/ && cp web/web.xml build/WEB-INF/
\tif [ -f src/scenario ]; then cp src/scenario build/; fi
\tcd build && python3 -m zipfile -c ../$(STEM).war *
\t@ls -l $(STEM).war

test:
\tpython3 -m compileall -q src
\tPYTHONPATH=src python3 -m unittest discover -s tests -v

clean:
\trm -rf target build .cache
"""

_SERVER = '''\
"""{name}: quotes over HTTP. GET /quote?amount=1000, /healthz, /version, /metrics."""

import json
import os
from decimal import Decimal, InvalidOperation
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from desk.limits import check
from desk.quotes import quote

ORDER = os.environ.get("PRISM_ORDER", "unreleased")


class Desk(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        if parts.path == "/healthz":
            self.answer(200, {{"status": "ok"}})
        elif parts.path == "/version":
            self.answer(200, {{"component": "{name}", "order": ORDER}})
        elif parts.path == "/metrics":
            self.answer(200, {{"up": 1}})
        elif parts.path == "/quote":
            self.quote(parse_qs(parts.query))
        else:
            self.answer(404, {{"error": "no such page"}})

    def quote(self, query) -> None:
        try:
            amount = Decimal(query.get("amount", ["0"])[0])
            self.answer(200, self.priced(amount))
        except (InvalidOperation, ValueError) as error:
            self.answer(400, {{"error": str(error) or "amount is not a number"}})

    def priced(self, amount):
        check(amount)
        return {{name: str(value) for name, value in quote(amount).items()}}

    def answer(self, status, content) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def main() -> None:
    port = int(os.environ.get("PORT", "8080"))
    print(f"{name} serves order {{ORDER}} on port {{port}}", flush=True)
    ThreadingHTTPServer(("", port), Desk).serve_forever()


if __name__ == "__main__":
    main()
'''

_QUOTES = '''\
"""What a purchase costs."""

from decimal import ROUND_HALF_UP, Decimal

FEE = Decimal("0.0015")
CENT = Decimal("0.01")


def quote(amount):
    """Amount, fee and total, to the cent."""
    fee = (amount * FEE).quantize(CENT, ROUND_HALF_UP)
    return {"amount": amount.quantize(CENT), "fee": fee, "total": (amount + fee).quantize(CENT)}
'''

_LIMITS = '''\
"""How much one customer may buy in a day."""

DAILY = 1_000_000


def check(amount):
    """Raises ValueError with a message."""
    if amount <= 0:
        raise ValueError("amount must be above zero")
    if amount > DAILY:
        raise ValueError(f"amount is beyond the daily limit of {DAILY}")
'''

_TEST_QUOTES = """\
import unittest
from decimal import Decimal

from desk.quotes import quote


class Quotes(unittest.TestCase):
    def test_the_fee_is_rounded_half_up(self):
        self.assertEqual(quote(Decimal("3"))["fee"], Decimal("0.00"))
        self.assertGreater(quote(Decimal("1000"))["fee"], 1)

    def test_the_total_is_amount_and_fee(self):
        priced = quote(Decimal("250000"))
        self.assertEqual(priced["total"], priced["amount"] + priced["fee"])
"""

_TEST_LIMITS = """\
import unittest
from decimal import Decimal

from desk.limits import DAILY, check


class Limits(unittest.TestCase):
    def test_nobody_buys_for_nothing_or_beyond_the_limit(self):
        for amount in (Decimal(0), Decimal(-1), Decimal(DAILY) + 1):
            with self.assertRaises(ValueError):
                check(amount)

    def test_the_limit_itself_is_allowed(self):
        self.assertIsNone(check(Decimal(DAILY)))
"""

_WEB_XML = """\
<?xml version="1.0" encoding="UTF-8"?>
<web-app xmlns="http://xmlns.jcp.org/xml/ns/javaee" version="3.1">
  <display-name>{name}</display-name>
  <welcome-file-list><welcome-file>index.html</welcome-file></welcome-file-list>
</web-app>
"""


def files(app: App) -> dict[str, str]:
    """Path to text of the newest state of ``master``."""
    return {
        "README.md": f"# {app.name} {app.name_zh}\n\n{app.description}\n\n`make package` tests and packs it.\n",
        ".gitignore": "target/\nbuild/\n.cache/\n",
        "Makefile": _MAKEFILE.format(folder=app.artifact_directory, package=app.package),
        "src/desk/__init__.py": "",
        SERVER: _SERVER.format(name=app.name),
        "src/desk/quotes.py": _QUOTES,
        "src/desk/limits.py": _LIMITS,
        "tests/__init__.py": "",
        "tests/test_quotes.py": _TEST_QUOTES,
        "tests/test_limits.py": _TEST_LIMITS,
        "web/index.html": f"<!doctype html>\n<title>{app.name}</title>\n<h1>{app.name_zh}</h1>\n",
        "web/web.xml": _WEB_XML.format(name=app.name),
    }
