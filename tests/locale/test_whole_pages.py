"""Pages over real rows, drawn in Chinese, hold no English of the product's own."""

from __future__ import annotations

import re
from html import unescape
from html.parser import HTMLParser

import pytest
from django.test import Client

from releases.models import Deployment, ReleaseOrder
from tests.cast import World
from tests.releases.rows import make_built, make_component, make_order, make_review, make_success

STAGES = ("Prepare Git Code", "Build", "Get Dockerfile & Bootstart.sh", "DockerBuild", "DockerPush", "Docker Done")
GIVEN = ("make package", "Online branch", "Securities IT")
"""What the rows say of themselves: a build command, names in English."""
DATA = re.compile(r"code|pre|option|textarea|time|summary")
"""Elements that hold what people or other systems wrote."""
WORDS = re.compile(r"[a-z]{3,}(?: [a-z]{2,})+", re.IGNORECASE)
"""Two English words in a row: names, slugs and hosts have no spaces."""


class Prose(HTMLParser):
    """Text of a page outside of elements that hold data, and what is read out."""

    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[str] = []
        self._inside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if DATA.fullmatch(tag):
            self._inside.append(tag)
        self.pieces += [text for name, text in attrs if text and name in ("title", "aria-label", "placeholder")]

    def handle_endtag(self, tag: str) -> None:
        if self._inside and self._inside[-1] == tag:
            self._inside.pop()

    def handle_data(self, data: str) -> None:
        if not self._inside:
            self.pieces.append(data)


def english_of(page: str) -> list[str]:
    """English phrases of the page."""
    prose = Prose()
    prose.feed(page)
    text = " · ".join(piece.strip() for piece in prose.pieces)
    for name in (*STAGES, *GIVEN):
        text = text.replace(unescape(name), "·")
    # In capitals: environments, units and what everybody calls by its initials.
    return [words for words in WORDS.findall(text) if not words.isupper()]


@pytest.fixture
def order(world: World) -> ReleaseOrder:
    """Serves in FAT and UAT, is being looked at for PRD; a second one has only been created."""
    component = make_component(world)
    built = make_built(component, world.dana)
    make_success(built, world.spaces["fat"], world.olli)
    make_success(built, world.spaces["uat"], world.olli)
    make_review(built, world.spaces["prd"])
    make_order(component, world.dana)
    return built


PLACE = "sis-omm/sis-omm-proxy-gw"
PAGES = [
    *(
        (who, path)
        for who in ("dana", "olli")
        for path in ("/", "/orders/", "/orders/{number}/", "/orders/{number}/?panel=uat", "/orders/{number}/?panel=prd")
    ),
    ("dana", "/search/?q=nothing-has-this-name"),
    ("dana", "/keys/"),
    ("olli", "/approvals/"),
    ("olli", f"/runtime/{PLACE}/uat/roll-back/"),
    ("dana", "/spaces/sis-omm/prd/"),
    ("petra", "/spaces/sis-omm/prd/policy/"),
    ("ada", "/spaces/sis-omm/prd/edit/"),
    ("ada", "/servers/jenkins/main/"),
    ("ada", "/clusters/main/edit/"),
    ("dana", "/orders/new/"),
    ("dana", "/orders/{number}/close/withdraw/"),
    ("dana", "/orders/{number}/review/prd/"),
    ("olli", "/orders/{number}/review/prd/"),
    ("olli", "/deployments/{deployment}/"),
    ("olli", f"/runtime/{PLACE}/uat/"),
    ("tess", "/orders/{number}/close/return/"),
    ("petra", "/components/"),
    ("petra", "/components/new/"),
    ("petra", f"/components/{PLACE}/"),
    ("petra", f"/components/{PLACE}/edit/"),
    ("petra", f"/components/{PLACE}/orders/"),
    ("petra", f"/components/{PLACE}/history/"),
    ("petra", f"/components/{PLACE}/configuration/"),
    ("petra", f"/components/{PLACE}/configuration/fat/"),
    ("petra", "/templates/"),
    ("petra", "/new-template/"),
    ("petra", "/base-images/"),
    ("petra", "/environments/"),
    ("petra", "/projects/"),
    ("petra", "/projects/sis-omm/"),
    ("petra", "/me/"),
    ("petra", "/me/tokens/"),
    ("ada", "/admin/"),
    ("ada", "/health/"),
    ("ada", "/clusters/"),
    ("ada", "/clusters/new/"),
    ("ada", "/clusters/main/"),
    ("ada", "/environments/new/"),
    ("ada", "/projects/new/"),
    ("ada", "/people/"),
    ("ada", "/people/dana/"),
    ("ada", "/servers/"),
    ("ada", "/new-server/jenkins/"),
    ("ada", "/projects/sis-omm/toolchain/"),
    ("ada", "/projects/sis-omm/spaces/new/"),
]


def test_the_search_finds_what_it_is_for() -> None:
    assert english_of("<p>Nothing is running.</p><pre>Nothing is running.</pre>") == ["Nothing is running"]
    assert english_of('<p title="Show all">发布单 sis-omm/proxy-gw Build</p>') == ["Show all"]


@pytest.mark.parametrize(("who", "path"), PAGES)
def test_a_chinese_page_holds_no_english_words_of_ours(
    client: Client, world: World, order: ReleaseOrder, who: str, path: str
) -> None:
    person = world.people[who]
    person.language = "zh-hans"
    person.save()
    client.force_login(person, backend="accounts.backends.PasswordBackend")
    deployment = Deployment.objects.filter(order=order).latest("pk")
    response = client.get(path.format(number=order.number, deployment=deployment.pk))
    assert response.status_code == 200
    assert english_of(response.content.decode()) == []
