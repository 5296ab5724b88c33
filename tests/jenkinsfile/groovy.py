"""The Groovy that Jenkins runs Pipelines with, from Maven Central, and the one Java process that runs the job in it."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
VERSION = "2.4.21"
ADDRESS = f"https://repo.maven.apache.org/maven2/org/codehaus/groovy/groovy-all/{VERSION}/groovy-all-{VERSION}.jar"
SHA256 = "de65260cf2070442e99882f2f3d72e7531725c1e6a257446cc0cea525c607bd0"
_OPTIONS = ("-Dfile.encoding=UTF-8", "-XX:TieredStopAtLevel=1", "--add-opens=java.base/java.lang=ALL-UNNAMED")


def has_java() -> bool:
    """Is there a Java to run it with?"""
    return shutil.which("java") is not None


def jar() -> Path:
    """``groovy-all`` in the cache; fetched once, and never used with another checksum. Raises OSError."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "prism4k"
    kept = cache / f"groovy-all-{VERSION}.jar"
    if not kept.is_file() or _sum(kept.read_bytes()) != SHA256:
        with urllib.request.urlopen(ADDRESS, timeout=120) as answer:
            content = answer.read()
        if _sum(content) != SHA256:
            raise OSError(f"{ADDRESS} is not the file that we know: sha256 {_sum(content)}")
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=cache, delete=False) as partial:
            partial.write(content)
        os.replace(partial.name, kept)
    return kept


def _sum(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@dataclass(frozen=True)
class Ran:
    """One run of the job: ``stages`` as they were entered, ``nodes`` as they were asked for."""

    result: str
    error: str
    stages: list[str]
    nodes: list[str]
    log: str
    description: str | None
    credentials: list[list[str]]
    archived: list[str]
    folder: Path = field(default=Path())

    def workspace(self, node: str) -> Path:
        """Of a node, by its label."""
        return self.folder / "nodes" / node / "workspace" / "JOB"


class Groovy:
    """A Java process that runs the job once for each call of ``run``."""

    def __init__(self, config: Path) -> None:
        self._config = config
        self._process = subprocess.Popen(
            ["java", *_OPTIONS, "-cp", str(jar()), "groovy.ui.GroovyMain", str(HERE / "Run.groovy")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )

    def run(self, folder: Path, parameters: Mapping[str, str], **more: Any) -> Ran:
        """``more``: PATH of the nodes (``path``), ``number``, ``names`` of nodes by label, ``variables`` of nodes,
        ``credentials`` by id, and ``registryCredentials`` and ``webhookCredentials``, which the installed script names.
        """
        request = {"config": str(self._config), "folder": str(folder), "params": dict(parameters)}
        defaults: dict[str, Any] = {"number": 1, "names": {}, "variables": {}, "credentials": {}}
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(defaults | request | more) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, "the Java process ended"
        return Ran(**json.loads(answer), folder=folder)

    def close(self) -> None:
        """End it."""
        self._process.communicate(timeout=30)
