"""The editor of a template: what it renders to beside it, whom it would break, its versions and their differences."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from components.models import Preview, Template
from components.presenters.preview import plain_diff, shown_results
from components.services import create_component, publish_version, save_settings
from foundation.runs.choices import RunState
from tests.components.conftest import ORIGINAL, Shop

NAME = "prism-jdk8-deployment.yaml"
HTMX = {"HX-Request": "true"}


def browse(shop: Shop, who: str) -> Client:
    client = Client()
    client.force_login(shop.world.people[who])
    return client


def use(shop: Shop, *more: str) -> None:
    """The component and as many others use the templates."""
    save_settings(actor=shop.world.dana, component=shop.component, values=ORIGINAL)
    for name in more:
        other = create_component(actor=shop.world.dana, project=shop.world.project, name=name)
        save_settings(actor=shop.world.dana, component=other, values={**ORIGINAL, "service_name": name.lower()})


def finish(preview: Preview, *results: tuple[str, str, str]) -> None:
    """As a worker would: (environment, text, problem)."""
    shown: list[dict[str, Any]] = [
        {
            "environment": environment,
            "text": text,
            "problems": [{"path": f"{NAME}:2", "message": problem}] if problem else [],
        }
        for environment, text, problem in results
    ]
    preview.results = shown
    preview.state = RunState.FAILED if any(problem for _e, _t, problem in results) else RunState.SUCCEEDED
    preview.save()


def test_the_old_render_stays_until_the_new_one_is_done(shop: Shop) -> None:
    use(shop)
    client = browse(shop, "dana")
    sent = {"component": "sis-omm/sis-omm-proxy-gw", "body": "a: 1\nb: {{ nothing }}\n", "environment": "uat"}
    waits = client.post(reverse("components:template-preview", args=[NAME]), sent, headers=HTMX)
    assert waits["HX-Retarget"] == "#preview-status" and "environment=uat" in waits.content.decode()
    preview = Preview.objects.get()
    finish(preview, ("fat", "a: 1\n", ""), ("uat", "", "No such name."), ("prd", "a: 3\n", ""))
    done = client.get(reverse("components:preview", args=[preview.pk]), {"environment": "uat"}, headers=HTMX)
    page = done.content.decode()
    assert done["HX-Retarget"] == "#preview"
    assert "No such name." in page and 'data-line="2"' in page and "b: {{ nothing }}" in page
    assert page.count("tone-failed") == 1 and page.count("tone-succeeded") == 2
    assert '<input type="hidden" name="environment" value="uat" form="template-form">' in page
    assert "-kind: Deployment" in page, "the difference from what is published"


def test_without_a_choice_the_first_problem_is_shown(shop: Shop) -> None:
    preview = Preview.objects.create(component=shop.component, kind="deployment", body="x", next_at="2026-01-01T00:00Z")
    finish(preview, ("fat", "a: 1", ""), ("prd", "", "Broken there."))
    assert (
        "Broken there." in browse(shop, "dana").get(reverse("components:preview", args=[preview.pk])).content.decode()
    )


def test_everybody_who_uses_it_is_tried(shop: Shop) -> None:
    use(shop, "SECOND", "THIRD")
    client = browse(shop, "dana")
    url = reverse("components:template-trial", args=[NAME])
    waits = client.post(url, {"body": "kind: x\nb: {{ c }}\n"}, headers=HTMX).content.decode()
    assert "0 of 3 tried" in waits and "hx-get" in waits
    first, second, third = Preview.objects.order_by("component__pk")
    assert first.batch == second.batch == third.batch
    finish(first, ("fat", "ok", ""))
    finish(second, ("fat", "ok", ""), ("prd", "", "No such name."))
    finish(third, ("fat", "ok", ""))
    page = client.get(reverse("components:trial", args=[first.batch]), headers=HTMX).content.decode()
    assert "fails for 1 of 3" in page and "SECOND" in page and "PRD" in page and "hx-get" not in page
    assert "THIRD" not in page, "who does not break is not listed"
    assert browse(shop, "otto").get(reverse("components:trial", args=[first.batch])).status_code == 404
    assert client.post(url, {"body": "x"}).url == reverse("components:trial", args=[Preview.objects.last().batch])  # type: ignore[union-attr]


def test_a_trial_over_the_api_tells_the_same(shop: Shop) -> None:
    use(shop, "SECOND")
    client = browse(shop, "dana")
    made = client.post(f"/api/v1/templates/{NAME}/trials/", {"body": "kind: x\n"}, content_type="application/json")
    assert made.status_code == 201, made.content
    first, second = Preview.objects.order_by("component__pk")
    finish(first, ("fat", "ok", ""))
    finish(second, ("fat", "", "No such name."))
    found = client.get(f"/api/v1/trials/{made.json()['trial']}/").json()
    assert {item["component"].rpartition("/")[2]: item["state"] for item in found["items"]} == {
        first.component.slug: "succeeded", "second": "failed",
    }  # fmt: skip
    assert browse(shop, "otto").get(f"/api/v1/trials/{made.json()['trial']}/").status_code == 404


def test_a_trial_needs_somebody_to_try_with(shop: Shop) -> None:
    url = reverse("components:template-trial", args=[NAME])
    assert browse(shop, "dana").post(url, {"body": "x"}).status_code == 409
    use(shop)
    assert browse(shop, "tess").post(url, {"body": "x"}).status_code == 409
    assert browse(shop, "dana").post(url, {"body": " "}).status_code == 400
    assert not Preview.objects.exists()


def test_used_by_is_counted_and_linked(shop: Shop) -> None:
    use(shop, "SECOND")
    page = browse(shop, "uma").get(reverse("components:template", args=[NAME])).content.decode()
    assert "Used by 2 components" in page and reverse("components:detail", args=["sis-omm", "second"]) in page
    rows = dict(
        (row.name, users) for row, users in browse(shop, "uma").get(reverse("components:templates")).context["rows"]
    )
    assert rows[NAME] == 2


def test_the_list_is_filtered(shop: Shop) -> None:
    client = browse(shop, "dana")
    url = reverse("components:templates")
    assert [row.name for row, _n in client.get(url, {"kind": "service"}).context["rows"]] == ["prism-jdk8-service.yaml"]
    assert [row.name for row, _n in client.get(url, {"search": "boot"}).context["rows"]] == ["bootstart-jdk8.sh"]
    assert "No template fits the filter" in client.get(url, {"search": "nothing"}).content.decode()


def test_a_version_says_what_it_changed_and_may_be_begun_with(shop: Shop) -> None:
    template = Template.objects.get(name="dockerfile-jdk8-ant")
    publish_version(actor=shop.world.ada, template=template, body="FROM other\n", note="another base")
    client = browse(shop, "ada")
    shown = client.get(reverse("components:template-version", args=[template.name, 2])).content.decode()
    assert "another base" in shown and "+FROM other" in shown and "-FROM {{ base_image }}" in shown
    old = client.get(reverse("components:template", args=[template.name]), {"version": "1"})
    assert old.context["form"]["body"].value().startswith("FROM {{ base_image }}")
    assert old.context["form"]["seen_number"].value() == 2
    assert client.get(reverse("components:template-version", args=[template.name, 9])).status_code == 404


def test_who_was_overtaken_keeps_the_text(shop: Shop) -> None:
    template = Template.objects.get(name="dockerfile-jdk8-ant")
    client = browse(shop, "ada")
    url = reverse("components:template", args=[template.name])
    publish_version(actor=shop.world.ada, template=template, body="FROM other\n")
    answer = client.post(url, {"body": "FROM mine\n", "seen_number": "1", "note": "n"})
    assert answer.status_code == 409
    assert "FROM mine" in answer.content.decode() and "has saved version 2" in answer.content.decode()
    assert answer.context["form"]["seen_number"].value() == 2


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("FROM x\n{% if y %}\n", "Line 2 cannot be read: "),
        ("FROM x\n\n{{ y", "Line 3 cannot be read: "),
        ("{% include 'other' %}\n", "Line 1 cannot be read: The tag “include” is not allowed"),
        ("{{ " + "(" * 5000 + ")" * 5000 + " }}", "Line 1 cannot be read: "),
    ],
)
def test_what_cannot_be_read_is_not_published(shop: Shop, body: str, says: str) -> None:
    template = Template.objects.get(name="dockerfile-jdk8-ant")
    answer = browse(shop, "ada").post(
        reverse("components:template", args=[template.name]), {"body": body, "seen_number": "1", "note": "n"}
    )
    (error,) = answer.context["form"].errors["body"]
    assert str(error).startswith(says)
    assert answer.context["form"]["body"].value() == body
    assert template.versions.count() == 1


def test_who_may_not_publish_reads_and_is_told_whom_to_ask(shop: Shop) -> None:
    page = browse(shop, "uma").get(reverse("components:template", args=[NAME])).content.decode()
    assert "You may read and preview this, not publish it." in page and "Ada" in page
    assert "Publish v" not in page


def test_results_and_differences_are_plain() -> None:
    preview = Preview(body="one\ntwo", results=[{"environment": "", "text": "x\ny", "problems": []}])
    (result,) = shown_results(preview)
    assert result.lines == ["x", "y"] and result.is_fine
    assert plain_diff("a\nb\n", "a\nc\n")[-2:] != [] and plain_diff("a", "a") == []
    assert [line.kind for line in plain_diff("a\nb\n", "a\nc\n")] == ["at", "", "del", "add"]
