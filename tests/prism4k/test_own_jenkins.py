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
REFUSED = (
    "The signature or token is not the one that belongs to the secret.",
    "It bears no signature or token of GitLab, Gitea or GitHub: enter the secret there.",
    "It bears no Authorization: enter the secret there.",
    "It was sent more than 5 minutes ago, or its clock is wrong: compare both clocks.",
    "It came before: each delivery counts once.",
    "Its body is no JSON object: choose the content type application/json there.",
    "Its body has neither the form of Harbor nor that of the distribution registry.",
    "It has more than 1 MB.",
    "More than 120 came within a minute.",
)
QUOTED = ("Make a secret", "Make a new secret", "Address and signature do not belong together.")


def section(guide: str, start: str) -> str:
    """From the line that begins so to the next heading."""
    text = (ROOT / "docs" / guide).read_text(encoding="utf-8").partition(f"\n{start}")[2]
    assert text, f"{guide} has no {start}"
    return text.partition("\n## ")[0]


def rows(guide: str, start: str = "## 7") -> list[str]:
    """First cells of the section's last table."""
    table = section(guide, start).rpartition("|---|---|\n")[2]
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


@pytest.mark.parametrize("language", GUIDES)
def test_it_quotes_why_a_delivery_is_refused(language: str) -> None:
    with translation.override(language):
        assert rows(GUIDES[language], "## 6. Webhook") == [gettext(message) for message in REFUSED]
        told = section(GUIDES[language], "## 6. Webhook")
        assert [message for message in QUOTED if f"“{gettext(message)}”" not in told] == []


def test_all_of_these_refusals_are_the_products() -> None:
    paths = [ROOT / "components" / "services" / "webhooks.py", *(ROOT / "deployer" / "hooks").glob("*.py")]
    source = "\n".join(path.read_text(encoding="utf-8") for path in paths)
    assert [message for message in REFUSED if f'"{message}"' not in source] == []
