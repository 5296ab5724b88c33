"""Hostile values that the job lets through, built to the end by both: the same files, package, image and image.json."""

from __future__ import annotations

import pytest

from tests.jenkinsfile.conftest import Sides
from tests.jenkinsfile.hostile import ANYWHERE, hostile_sets
from tests.jenkinsfile.test_builds import carry_out, check_same
from tests.jenkinsfile.test_hostile import stand_in_says

pytestmark = [pytest.mark.security("build-parameters"), pytest.mark.jenkinsfile]
TEXTS = (
    *(value for value in ANYWHERE if "\0" not in value and "\r" not in value),
    *("$BUILD_CMD", "${GIT_URL}", "$$$$", "\\\\", "\\n", "%s%n", "\\u0041", "'''", '"""', "/* */ //", "${params.SITE}"),
    *("EOF", "<<<", "\x1b[31m", "支付 🚀", "\u200b", "x" * 60_000, "\u540d" * 20_000),
)
EACH = 9
SETS = [TEXTS[start::EACH] for start in range(EACH)]


@pytest.mark.parametrize("place", range(EACH))
def test_hostile_texts_arrive_as_they_were_sent(sides: Sides, place: int) -> None:
    """In Dockerfile and bootstart.sh, and in a command that writes them into the package."""
    lines = "\n".join(f"# {text}".replace("\n", "\n# ") for text in SETS[place])
    complete = sides.parameters()
    both = carry_out(
        sides,
        IMAGE_NODE="images" if place % 2 else "",
        DOCKERFILE_TEMPLATE=f"{complete['DOCKERFILE_TEMPLATE']}{lines}\n",
        BOOTSTART_TEMPLATE=f"#!/bin/sh\n{lines}",
        BUILD_CMD=f"mkdir -p dist\ncat > dist/words.pkg <<'END OF IT'\n{lines}\nEND OF IT\n",
    )
    check_same(sides, both)
    package = both.ran.workspace("images" if place % 2 else both.values["BUILD_NODE"])
    below = "" if place % 2 else both.values["DIR_BUILD_FILE"].strip("/")
    assert (package / below / "words.pkg").read_text(encoding="utf-8") == f"{lines}\n"


@pytest.mark.timeout(900)
def test_hostile_values_that_are_let_through_end_alike(sides: Sides) -> None:
    """Both sides end in the same stage, and with the same files where there is an image."""
    passed = built = 0
    for name, parameters in hostile_sets(sides.parameters()):
        value = parameters.get(name)
        if value is None or stand_in_says(parameters):
            continue
        both = carry_out(sides, **{name: value})
        passed += 1
        if both.ran.result == "SUCCESS":
            built += 1
            check_same(sides, both)
    assert passed >= 25 and built >= 8, (passed, built)
