"""Two layers of base images made from nothing but Python, so that a machine without any network can build on them.

They follow the order public image → middleware image → application image: ``3rd_part/alpine-like`` is the public layer
(time zone, system files), ``base/middleware/python`` and ``base/middleware/tomcat`` stand on it. They hold no programs:
the stand-in cluster reads images, it does not execute them.
"""

from __future__ import annotations

import struct
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.packer.image import MANIFEST_TYPE, Layer, LayerWriter, PackedImage, assemble
from sandbox.registry.specification import RegistryError
from sandbox.registry.store import Store

CREATED = "2018-09-18T05:51:20Z"
PUBLIC = ("3rd_part/alpine-like", "alpine-3.8_glibc-2.28")
RUN_USER = 9999

_OS_RELEASE = """NAME="Alpine-like base image of the stand-in registry"
ID=alpine-like
VERSION_ID=3.8
PRETTY_NAME="alpine-like 3.8 (glibc 2.28)"
"""
_USERS = """root:x:0:0:root:/root:/bin/sh
nobody:x:65534:65534:nobody:/:/sbin/nologin
docker_user:x:9999:9999:docker_user:/app:/bin/sh
"""
_GROUPS = """root:x:0:
nobody:x:65534:
docker_group:x:9999:docker_user
"""


@dataclass(frozen=True)
class Middleware:
    """A business base image: repository, tag, its variables, start command and port."""

    repository: str
    tag: str
    variables: dict[str, str]
    command: list[str]
    port: int


MIDDLEWARE = (
    Middleware(
        "base/middleware/python",
        "3.11",
        {"PYTHON_VERSION": "3.11", "PYTHONUNBUFFERED": "1"},
        ["sh", "/app/bootstart.sh"],
        8080,
    ),
    Middleware(
        "base/middleware/tomcat",
        "8.0.14-oraclejdk1.8.0_73",
        {
            "JAVA_VERSION": "1.8.0_73",
            "JAVA_HOME": "/opt/jdk",
            "TOMCAT_VERSION": "8.0.14",
            "CATALINA_HOME": "/opt/tomcat",
        },
        ["sh", "/app/bootstart.sh"],
        8080,
    ),
)


def seed(store: Store) -> list[str]:
    """Store the base images that are missing; gives the names (``repository:tag``) of those added."""
    added: list[str] = []
    with tempfile.TemporaryDirectory(prefix="registry-seed-") as folder:
        scratch = Path(folder)
        public = _public_image(scratch)
        images = [
            (*PUBLIC, public),
            *((one.repository, one.tag, _middleware(one, public, scratch)) for one in MIDDLEWARE),
        ]
        for repository, tag, image in images:
            if not _has(store, repository, tag):
                _store(store, repository, tag, image)
                added.append(f"{repository}:{tag}")
    return added


def _has(store: Store, repository: str, tag: str) -> bool:
    try:
        store.manifest(repository, tag)
    except RegistryError:
        return False
    return True


def _store(store: Store, repository: str, tag: str, image: PackedImage) -> None:
    for layer in image.layers:
        store.put_blob(repository, layer.path.read_bytes())
    store.put_blob(repository, image.config)
    store.put_manifest(repository, tag, MANIFEST_TYPE, image.manifest)


def _public_image(scratch: Path) -> PackedImage:
    writer = LayerWriter()
    for folder in ("bin", "etc", "home", "lib", "opt", "root", "usr", "usr/bin", "usr/share", "var", "var/log"):
        writer.put_directory(folder)
    for folder in ("usr/share/zoneinfo", "usr/share/zoneinfo/Asia"):
        writer.put_directory(folder)
    writer.put_directory("tmp", mode=0o1777)
    writer.put_bytes("etc/os-release", _OS_RELEASE.encode())
    writer.put_bytes("etc/alpine-release", b"3.8.0\n")
    writer.put_bytes("etc/passwd", _USERS.encode())
    writer.put_bytes("etc/group", _GROUPS.encode())
    writer.put_bytes("etc/timezone", b"Asia/Shanghai\n")
    writer.put_bytes("usr/share/zoneinfo/Asia/Shanghai", shanghai_time())
    writer.put_link("etc/localtime", "/usr/share/zoneinfo/Asia/Shanghai")
    variables = {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "LANG": "C.UTF-8",
        "TIME_ZONE": "Asia/Shanghai",
        "TZ": "Asia/Shanghai",
    }
    document = {
        "architecture": "amd64",
        "os": "linux",
        "created": CREATED,
        "author": "Prism",
        "config": {
            "Env": [f"{name}={value}" for name, value in variables.items()],
            "Cmd": ["/bin/sh"],
            "Labels": {"prism4k.layer": "public"},
        },
        "history": [_line("public layer: system files, time zone Asia/Shanghai")],
    }
    return assemble(document, (writer.write(scratch),))


def _middleware(one: Middleware, public: PackedImage, scratch: Path) -> PackedImage:
    writer = LayerWriter()
    writer.put_directory("app", uid=RUN_USER, gid=RUN_USER)
    writer.put_directory("etc/prism")
    facts = "".join(f"{name}={value}\n" for name, value in one.variables.items())
    writer.put_bytes("etc/prism/middleware", facts.encode())
    layers: tuple[Layer, ...] = (*public.layers, writer.write(scratch))
    document: dict[str, Any] = public.document
    settings = document["config"]
    settings["Env"] += [f"{name}={value}" for name, value in {**one.variables, "APP_HOME": "/app"}.items()]
    settings |= {"Cmd": one.command, "User": str(RUN_USER), "WorkingDir": "/app"}
    settings["ExposedPorts"] = {f"{one.port}/tcp": {}}
    settings["Labels"] = {"prism4k.layer": "middleware", "prism4k.base": ":".join(PUBLIC)}
    document["history"] = [*document["history"], _line(f"middleware layer: {one.repository}:{one.tag}")]
    return assemble(document, layers)


def _line(words: str) -> dict[str, str]:
    return {"created": CREATED, "created_by": words, "comment": "made by the stand-in registry"}


def shanghai_time() -> bytes:
    """``Asia/Shanghai`` since 1992 as a TZif file of version 2 (RFC 8536): UTC+8 all year, no transitions."""
    block = struct.pack(">ibb", 8 * 3600, 0, 0) + b"CST\0"
    header = b"TZif2" + bytes(15) + struct.pack(">6i", 0, 0, 0, 0, 1, 4)
    return header + block + header + block + b"\nCST-8\n"
