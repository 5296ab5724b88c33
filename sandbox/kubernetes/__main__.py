"""``python -m sandbox.kubernetes --port 6443 --state var/cluster --token …``."""

from __future__ import annotations

import argparse
import os
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import yaml

from sandbox.kubernetes.access import Account, read_account
from sandbox.kubernetes.server import Settings, serve


def registries(values: list[str]) -> dict[str, str]:
    """``URL`` or ``HOST=URL``; the first URL also serves images that name no host."""
    found: dict[str, str] = {}
    for value in values:
        host, equals, url = value.rpartition("=")
        url = url.rstrip("/")
        found[host if equals else urlsplit(url).netloc] = url
        found.setdefault("", url)
    return found


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="sandbox.kubernetes", description="A stand-in for a Kubernetes cluster.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 picks a free one")
    parser.add_argument("--state", type=Path, required=True, help="folder that keeps the objects over restarts")
    known = os.environ.get("KUBERNETES_TOKEN")
    what = "the bearer token that clients must bring (better by KUBERNETES_TOKEN: arguments show in ps)"
    parser.add_argument("--token", default=known, required=not known, help=what)
    parser.add_argument("--registry", action="append", default=[], metavar="[HOST=]URL", help="where images come from")
    parser.add_argument("--speed", type=float, default=1.0, help="2 makes pods twice as quick")
    parser.add_argument("--present", default="", metavar="PREFIX", help="images that the node has already")
    parser.add_argument("--history", type=int, default=1000, help="changes kept for watches, for each kind")
    rights = "YAML of a ServiceAccount with its roles and bindings: the token may do that and no more (else everything)"
    parser.add_argument("--account", type=Path, help=rights)
    return parser


def _account(path: Path) -> Account:
    try:
        return read_account(path.read_text())
    except (OSError, ValueError, KeyError, yaml.YAMLError) as error:
        raise SystemExit(f"--account {path} cannot be used: {error}") from None


def main() -> None:
    """Read the command line and serve."""
    given = _parser().parse_args()
    if given.speed <= 0 or given.history <= 0:
        raise SystemExit("--speed and --history must be above 0.")
    settings = Settings(
        given.host,
        given.port,
        given.state,
        given.token,
        registries(given.registry),
        given.speed,
        given.history,
        given.present,
    )
    if given.account is not None:
        settings = replace(settings, account=_account(given.account))
    serve(settings)


if __name__ == "__main__":
    main()
