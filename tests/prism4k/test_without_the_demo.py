"""The product as the image has it: neither ``demo/`` nor ``sandbox/`` is there, and everything starts."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
START = """
import sys
from django.core.management import execute_from_command_line, load_command_class
execute_from_command_line(["manage.py", "migrate", "--verbosity", "0"])
execute_from_command_line(["manage.py", "check"])
for name in ("up", "web", "watcher", "first_admin", "jenkins_job"):
    apps = {"watcher": "foundation.runs", "first_admin": "environments", "jenkins_job": "components"}
    load_command_class(apps.get(name, "prism4k"), name)
import prism4k.asgi, prism4k.celery
from django.test import Client
for path in ("/livez", "/readyz", "/sign-in/"):
    print(path, Client().get(path, headers={"host": "localhost"}).status_code)
print([name for name in sys.modules if name.partition(".")[0] in ("demo", "sandbox", "tests")])
"""


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of the image."""
    folder = tmp_path_factory.mktemp("image")
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, check=True, text=True,
    )  # fmt: skip
    left_out = left_out_of_the_image()
    for name in filter(None, listed.stdout.split("\0")):
        if name.partition("/")[0] not in left_out and (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, folder / name)
    return folder


def left_out_of_the_image() -> set[str]:
    ignored = (ROOT / ".dockerignore").read_text().split()
    removed = re.search(r"^RUN rm -rf (.*)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert removed is not None
    return {*ignored, *(path.removeprefix("/source/") for path in removed[1].split())}


def run(image: Path, data: Path, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if name not in ("PRISM4K_TEST_APPS", "DATABASE_URL")}
    return subprocess.run(
        [sys.executable, *command],
        cwd=image, env={**kept, "PRISM4K_DATA_DIR": str(data), "PYTHONPATH": "", **variables},
        capture_output=True, text=True, timeout=100,
    )  # fmt: skip


def test_everything_starts_and_nothing_asks_for_the_demo(image: Path, tmp_path: Path) -> None:
    assert not (image / "demo").exists() and not (image / "sandbox").exists() and not (image / "tests").exists()
    assert (image / "jenkins_job" / "config.xml").is_file()

    done = run(image, tmp_path, "-c", START, DJANGO_SETTINGS_MODULE="prism4k.settings")

    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.splitlines()[-4:] == ["/livez 200", "/readyz 200", "/sign-in/ 200", "[]"]


def test_asking_for_the_demo_says_that_it_is_not_there(image: Path, tmp_path: Path) -> None:
    done = run(image, tmp_path, "manage.py", "up", PRISM4K_DEMO="1")

    assert done.returncode != 0
    assert "PRISM4K_DEMO is set, and this installation comes without the demo: unset it." in done.stderr
