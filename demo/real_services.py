"""Before anything runs: what real other sides could not reach, and the question whether to go on."""

from __future__ import annotations

import ipaddress
import os
import socket
import sys
from urllib.parse import urlsplit

from demo import world
from demo.screen import Screen

WANTED = ("CLUSTER", "JENKINS_URL", "REGISTRY")
OWN_CLUSTER = "real"


class Unwanted(Exception):
    """The person did not agree; ``str()`` says what to do."""


def agree(screen: Screen, port: int) -> None:
    """Says what would not work and asks, when a real side is named. Raises Unwanted."""
    given = {name: os.environ.get(name, "").strip() for name in WANTED}
    # What runs on this machine does so as the stand-ins do.
    named = [part.strip() for part in given["CLUSTER"].split(",")]
    given["CLUSTER"] = ",".join(part for part in named if part not in ("", OWN_CLUSTER))
    if not any(given.values()):
        return
    screen.title("Real other sides")
    for name, value in given.items():
        screen.plain(f"  {name:<12} {without_password(value) if value else '(a stand-in on this machine)'}")
    screen.plain(f"  Namespaces made and used: {world.NAMESPACE_PREFIX}-* only.")
    for message in unreachable(given, os.environ.get("PLATFORM_URL") or f"http://127.0.0.1:{port}"):
        screen.plain(f"  ! {message}")
    if os.environ.get("YES") != "1" and not _says_yes():
        raise Unwanted("Stopped before anything was started. Say YES=1 to go on without being asked.")


def unreachable(given: dict[str, str], platform: str) -> list[str]:
    """Messages: who cannot reach whom, with the variable that mends it."""
    found = []
    git = os.environ.get("GIT_URL", "").strip()
    if given["JENKINS_URL"] and not is_here(given["JENKINS_URL"]):
        if is_here(platform):
            found.append(
                f"Jenkins cannot call {platform} back (claim and report): give PLATFORM_URL=http://<this host>:<port>."
            )
        if not git or is_here(git):
            found.append(
                "Jenkins cannot clone from the stand-in Git on this machine: give GIT_URL, BUILD_CMD, PACKAGE."
            )
        if not given["REGISTRY"]:
            found.append("Jenkins cannot push to the stand-in registry on this machine: give REGISTRY.")
    if given["CLUSTER"] and not given["REGISTRY"]:
        found.append("Nodes on other machines cannot pull from the stand-in registry on this one: give REGISTRY.")
    if given["REGISTRY"] and not given["JENKINS_URL"]:
        found.append("The base images must be in that registry: base/middleware/python:3.11 and so on.")
    found += [f"{name} is not answering: {why}" for name, why in _silent(given)]
    return found


def _silent(given: dict[str, str]) -> list[tuple[str, str]]:
    silent = []
    for name in ("JENKINS_URL", "REGISTRY"):
        value = given[name]
        if not value:
            continue
        parts = urlsplit(value if "://" in value else f"https://{value}")
        try:
            port = parts.port or (443 if parts.scheme == "https" else 80)
            socket.create_connection((parts.hostname or "", port), timeout=3).close()
        except (OSError, ValueError) as error:
            silent.append((name, str(error)))
    return silent


def is_here(url: str) -> bool:
    """Does it lead to this machine alone? A path does too."""
    parts = urlsplit(url)
    if not parts.hostname:
        return True
    try:
        return ipaddress.ip_address(parts.hostname).is_loopback
    except ValueError:
        return parts.hostname == "localhost"


def without_password(url: str) -> str:
    """What may be shown of an address."""
    head, at, tail = url.rpartition("@")
    return f"{head.partition('://')[0]}://…@{tail}" if at and "://" in head else tail


def _says_yes() -> bool:
    sys.stdout.write("  Go on? [y/N] ")
    sys.stdout.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")
