"""The guide to one's own Jenkins quotes what the product says, in both languages."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.utils import translation
from django.utils.translation import gettext

ROOT = Path(__file__).resolve().parents[2]
GUIDES = {"en": "own-jenkins.md", "zh-hans": "own-jenkins.zh-CN.md"}
_VALUE = re.compile(r"%\(\w+\)s")
SAID = (
    "Jenkins asks for a sign-in: the API token is wrong or has expired.",
    "Jenkins asks for a crumb: use an API token instead of a password.",
    "The platform's account in Jenkins lacks the right %(right)s.",
    "Jenkins has no %(what)s, or the platform's account may not see it.",
    "Jenkins answers, but its job %(job)s does not declare these parameters: %(names)s.",
    "Jenkins answers, but its job %(job)s is disabled.",
    "The certificate of Jenkins is not trusted: enter its CA certificate in the server's settings.",
    "Jenkins redirects to another address: enter the final one in the server's settings.",
    "The address of Jenkins answers, but not with the API of Jenkins.",
    "Jenkins, or a proxy before it, answers %(status)s: it is starting, stopping or overloaded.",
    "Jenkins cannot be reached: nothing was sent.",
    "Jenkins did not answer in time, or broke the connection.",
)


def rows(guide: str) -> list[str]:
    """First cells of the guide's last table."""
    table = (ROOT / "docs" / guide).read_text(encoding="utf-8").rpartition("|---|---|\n")[2]
    return [line.split("|")[1].strip() for line in table.splitlines() if line.startswith("|")]


@pytest.mark.parametrize("language", GUIDES)
def test_it_quotes_what_a_failing_test_says(language: str) -> None:
    with translation.override(language):
        said = [_VALUE.sub("…", gettext(message)) for message in SAID]
    assert rows(GUIDES[language]) == said


def test_all_of_that_is_said_by_the_product() -> None:
    sources = [ROOT / "components" / "steps.py", *(ROOT / "deployer" / "adapters" / "jenkins").glob("*.py")]
    source = "\n".join(path.read_text(encoding="utf-8") for path in sources)
    assert [message for message in SAID if f'"{message}"' not in source] == []


@pytest.mark.parametrize("guide", GUIDES.values())
def test_its_links_lead_somewhere(guide: str) -> None:
    path = ROOT / "docs" / guide
    links = re.findall(r"\]\(([^)#]+)\)", path.read_text(encoding="utf-8"))
    assert links and [link for link in links if not (path.parent / link).exists()] == []
