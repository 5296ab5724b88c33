"""The guide to one's own Jenkins quotes what the product says, in both languages."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext

from components.forms import JenkinsForm
from components.management.commands import jenkins_job

ROOT = Path(__file__).resolve().parents[2]
GUIDES = {"en": "own-jenkins.md", "zh-hans": "own-jenkins.zh-CN.md"}
_VALUE = re.compile(r"%\(\w+\)s")
SAID = (
    "Jenkins asks for a sign-in: the API token is wrong or has expired.",
    "Jenkins asks for a crumb: use an API token instead of a password.",
    "The platform's account in Jenkins lacks the right %(right)s.",
    "Jenkins does not allow the platform's account to do that.",
    "Jenkins has no %(what)s, or the platform's account may not see it.",
    "Jenkins answers, but its job %(job)s does not declare these parameters: %(names)s.",
    "Jenkins answers, but its job %(job)s is disabled.",
    "The certificate of Jenkins is not trusted: enter its CA certificate in the server's settings.",
    "Jenkins redirects to another address: enter the final one in the server's settings.",
    "The address of Jenkins answers, but not with the API of Jenkins.",
    "Jenkins, or a proxy before it, answers %(status)s: it is starting, stopping or overloaded.",
    "Jenkins cannot be reached: nothing was sent.",
    "Jenkins did not answer in time, or broke the connection.",
    "Jenkins is limiting requests.",
    "Jenkins refused the request for %(what)s (%(status)s).",
    "The host %(host)s is unknown: check the spelling.",
    "%(host)s leads to %(address)s, an internal address that is not on the list of allowed networks (OUTBOUND_ALLOW).",
    "%(scheme)s:// is not allowed: OUTBOUND_ALLOW does not name %(scheme)s.",
    "The job differs from the one of this version: manage.py jenkins_job sync %(server)s",
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
    sources = [
        ROOT / "components" / "steps.py",
        ROOT / "foundation" / "outbound.py",
        *(ROOT / "deployer" / "adapters" / "jenkins").glob("*.py"),
    ]
    source = "\n".join(path.read_text(encoding="utf-8") for path in sources)
    source = re.sub(r'"\n\s+"', "", source)
    assert [message for message in SAID if f'"{message}"' not in source] == []


@pytest.mark.parametrize("language", GUIDES)
def test_it_names_the_fields_of_the_form_with_their_defaults(language: str) -> None:
    fields = JenkinsForm().fields
    told = section(GUIDES[language], "## 3")
    table = dict(re.findall(r"^\| ([^|]+) \| ([^|]+) \|", told, re.MULTILINE))
    first = ("slug", "name", "url", "username", "token", "ca_pem")
    with translation.override(language):
        labels = {name: str(field.label) for name, field in fields.items()}
        later = {labels[name]: fields[name].initial for name in labels if name not in first}
    heads = [labels[name].partition("（" if language == "zh-hans" else " (")[0] for name in first]
    assert [head for head in heads if head.lower() not in " ".join(told.lower().split())] == []
    assert list(later) == list(table)[1:]
    words = {"True": ("on", "开"), "None": ("none", "无")}
    for label, initial in later.items():
        assert table[label].strip("`") in words.get(str(initial), (str(initial),)), label


@pytest.mark.parametrize("language", GUIDES)
def test_its_buttons_and_pages_are_the_products(language: str) -> None:
    text = (ROOT / "docs" / GUIDES[language]).read_text(encoding="utf-8")
    with translation.override(language):
        missing = [word for word in ("Admin", "Servers", "Add", "Toolchain", "Test") if gettext(word) not in text]
        assert missing == []
        assert gettext("Builds ask the platform first") in section(GUIDES[language], "## 2")


@pytest.mark.parametrize("guide", GUIDES.values())
def test_its_commands_and_settings_are_there(guide: str) -> None:
    text = (ROOT / "docs" / guide).read_text(encoding="utf-8")
    parser = jenkins_job.Command().create_parser("manage.py", "jenkins_job")
    for line in re.findall(r"^    python manage.py jenkins_job (.+)$", text, re.MULTILINE):
        given = parser.parse_args(line.split())
        assert (given.act, given.server, given.user) == ("sync", "SERVER", "NAME")
    assert f"export {jenkins_job.VARIABLE}=" in text
    for name in ("OUTBOUND_ALLOW", "PLATFORM_URL"):
        assert name in text and hasattr(settings, name)
    job = (ROOT / "jenkins_job" / "Jenkinsfile").read_text(encoding="utf-8")
    for name in ("IMAGE_TOOL", "registryCredentials()", "webhookCredentials()"):
        assert name in text and name in job


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
