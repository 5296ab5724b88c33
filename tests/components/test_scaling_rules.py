"""Scaling rules: bounds, target and cool-downs, held to allocation and space; versions; refusals with a reason."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from audit.models import AuditEvent
from components.history import changes_of
from components.models import ScalingRule, TemplateVersion
from components.selectors import current_rule
from components.services import archive_component, save_allocation, save_scaling_rule, save_settings
from components.services.scaling_rules import SavedRule
from deployer.manifests import Policy, Scaling, check
from environments.models import Space
from foundation.problems import Denied, Invalid, Refused, Stale
from tests.components.conftest import GRID, ORIGINAL, Shop
from tests.deployer.manifest_samples import deployment

NUMBERS = {"minimum": "2", "maximum": "6", "cpu_percent": "70", "scale_up_seconds": "0", "scale_down_seconds": "300"}


@pytest.fixture
def allocated(shop: Shop) -> Shop:
    for slug, amounts in GRID.items():
        place = shop.world.environments[slug]
        save_allocation(actor=shop.world.olli, component=shop.component, environment=place, amounts=amounts)
    return shop


def save(shop: Shop, slug: str = "fat", *, is_on: bool = True, who: str = "olli", **changes: Any) -> SavedRule:
    more = {name: changes.pop(name) for name in ("seen_number", "note") if name in changes}
    return save_scaling_rule(
        actor=shop.world.people[who],
        component=shop.component,
        environment=shop.world.environments[slug],
        is_on=is_on,
        numbers={**NUMBERS, **changes},
        **{"note": "tried", **more},
    )


def test_a_rule_is_a_version_with_history_and_audit(allocated: Shop) -> None:
    first = save(allocated, note="busy mornings").rule
    assert (first.number, first.minimum, first.maximum, first.is_on) == (1, 2, 6, True)
    assert save(allocated).rule == first, "nothing was different"
    off = save(allocated, is_on=False, seen_number=1).rule
    assert (off.number, off.is_on, off.maximum) == (2, False, 6)
    assert [row.row for row in changes_of(allocated.component, limit=2)] == [off, first]
    assert [change.after for change in changes_of(allocated.component, limit=1)[0].fields] == ["no"]
    events = AuditEvent.objects.filter(verb="save_scaling_rule")
    assert [event.after["version"] for event in events.order_by("pk")] == [1, 2]


@pytest.mark.parametrize(
    ("change", "field", "said"),
    [
        ({"minimum": "0"}, "minimum", "never goes down to 0"),
        ({"minimum": "-1"}, "minimum", "from 1 to 200"),
        ({"minimum": "٣"}, "minimum", "from 1 to 200"),
        ({"minimum": ""}, "minimum", "from 1 to 200"),
        ({"maximum": "0"}, "maximum", "from 1 to 200"),
        ({"maximum": "201"}, "maximum", "from 1 to 200"),
        ({"maximum": "1"}, "maximum", "below the minimum 2"),
        ({"maximum": "1.5"}, "maximum", "from 1 to 200"),
        ({"cpu_percent": "0"}, "cpu_percent", "from 1 to 1000"),
        ({"cpu_percent": "70%"}, "cpu_percent", "from 1 to 1000"),
        ({"cpu_percent": "1001"}, "cpu_percent", "from 1 to 1000"),
        ({"cpu_percent": "182"}, "cpu_percent", "Write at most 181"),
        ({"scale_up_seconds": "-1"}, "scale_up_seconds", "0 to 3600"),
        ({"scale_down_seconds": "3601"}, "scale_down_seconds", "0 to 3600"),
        ({"scale_down_seconds": "5m"}, "scale_down_seconds", "0 to 3600"),
    ],
)
def test_what_does_not_fit_is_told_at_its_field(allocated: Shop, change: dict[str, str], field: str, said: str) -> None:
    with pytest.raises(Invalid) as caught:
        save(allocated, **change)
    assert set(caught.value.fields) == {field}
    assert said in str(caught.value.fields[field][0])
    assert not ScalingRule.objects.exists()


def test_a_target_is_held_to_what_a_pod_can_use(allocated: Shop) -> None:
    """FAT may use twice its request, PRD no more than its request."""
    assert save(allocated, "fat", cpu_percent="181").rule.cpu_percent == 181
    assert save(allocated, "prd", cpu_percent="90").rule.cpu_percent == 90
    with pytest.raises(Invalid) as caught:
        save(allocated, "prd", cpu_percent="91")
    assert "Write at most 90" in str(caught.value.fields["cpu_percent"][0])


@pytest.mark.parametrize(("ceiling", "amount"), [("pods_ceiling", 5), ("cpu_request_ceiling", 11_999)])
def test_a_maximum_above_the_space_is_refused(allocated: Shop, ceiling: str, amount: int) -> None:
    Space.objects.filter(environment__slug="fat").update(**{ceiling: amount})
    with pytest.raises(Invalid) as caught:
        save(allocated)
    assert set(caught.value.fields) == {"maximum"}
    assert "6 pods need" in str(caught.value.fields["maximum"][0])
    assert save(allocated, maximum="5").rule.maximum == 5
    # Taking a rule away is never refused for what it would need.
    Space.objects.filter(environment__slug="fat").update(**{ceiling: 1})
    assert not save(allocated, is_on=False, maximum="5").rule.is_on


def test_without_an_allocation_there_is_nothing_to_compare_with(shop: Shop) -> None:
    with pytest.raises(Refused) as refused:
        save(shop)
    assert "Set the allocation first" in str(refused.value.message)
    assert save(shop, is_on=False).rule.number == 1


def test_only_those_who_allocate_may(allocated: Shop) -> None:
    for who in ("dana", "tess", "ada"):
        with pytest.raises(Denied):
            save(allocated, who=who)
    assert save(allocated, who="petra").rule.number == 1


def test_nobody_overwrites_what_they_did_not_see(allocated: Shop) -> None:
    save(allocated, seen_number=0)
    with pytest.raises(Stale):
        save(allocated, seen_number=0, maximum="4")
    assert current_rule(allocated.component, allocated.world.environments["fat"]).maximum == 6  # type: ignore[union-attr]


def test_an_archived_component_takes_none(allocated: Shop) -> None:
    archive_component(actor=allocated.world.olli, component=allocated.component, is_archived=True)
    with pytest.raises(Refused):
        save(allocated)


def test_a_template_that_names_an_autoscaler_is_told_of(allocated: Shop) -> None:
    save_settings(actor=allocated.world.dana, component=allocated.component, values=ORIGINAL)
    assert save(allocated).warnings == ()
    version = TemplateVersion.objects.get(template__name="prism-jdk8-service.yaml")
    version.pk, version.number = None, 2
    version.body += "---\napiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\n"
    version.save()
    (said,) = save(allocated, maximum="5").warnings
    assert "prism-jdk8-service.yaml names an autoscaler" in str(said)


# ---------------------------------------------------------------- what the manifests must leave to it
def test_a_container_without_a_cpu_request_is_refused(allocated: Shop) -> None:
    made = deployment()
    pod = made["spec"]["template"]["spec"]
    pod["containers"].append({"name": "side", "image": "x", "resources": {"requests": {"memory": "1Gi"}}})
    rule = Scaling(2, 6, 70, 0, 300, 1)
    policy = Policy("ns", made["metadata"]["name"], pod["containers"][0]["image"], scaling=rule)
    said = [str(problem.message) for problem in check([made], policy) if "scaling rule" in str(problem.message)]
    assert len(said) == 1 and "the container side has no CPU request" in said[0]
    pod["containers"][1]["resources"]["limits"] = {"cpu": "1"}
    assert not [one for one in check([made], policy) if "scaling rule" in str(one.message)]


# ---------------------------------------------------------------- page and API
def page(shop: Shop, who: str) -> tuple[Client, str]:
    client = Client()
    client.force_login(shop.world.people[who])
    return client, f"/components/sis-omm/{shop.component.slug}/scaling/fat/"


def test_the_form_saves_and_says_what_it_saved(allocated: Shop) -> None:
    client, url = page(allocated, "olli")
    shown = client.get(url)
    assert shown.context["form"]["cpu_percent"].value() == "70"
    answer = client.post(url, {**NUMBERS, "is_on": "on", "seen_number": "0", "note": "peak"}, follow=True)
    assert "伸缩规则" in answer.content.decode() or "scaling rule of FAT is version 1" in answer.content.decode()
    rule = current_rule(allocated.component, allocated.world.environments["fat"])
    assert rule is not None and (rule.maximum, rule.note) == (6, "peak")
    assert "2–6" in client.get(f"/components/sis-omm/{allocated.component.slug}/edit/").content.decode()


def test_the_form_keeps_what_was_typed_beside_what_is_wrong(allocated: Shop) -> None:
    client, url = page(allocated, "olli")
    answer = client.post(url, {**NUMBERS, "is_on": "on", "seen_number": "0", "minimum": "0"})
    assert answer.status_code == 400
    form = answer.context["form"]
    assert (form["minimum"].value(), form["maximum"].value()) == ("0", "6")
    assert list(form.errors) == ["minimum"]


def test_the_form_tells_who_saved_meanwhile(allocated: Shop) -> None:
    client, url = page(allocated, "olli")
    save(allocated, who="petra")
    answer = client.post(url, {**NUMBERS, "is_on": "on", "seen_number": "0", "maximum": "4"})
    assert answer.status_code == 409
    assert answer.context["form"]["maximum"].value() == "4"
    sent = {**NUMBERS, "is_on": "on", "seen_number": "1", "maximum": "4"}
    answer = client.post(url, sent)
    assert (answer.status_code, list(answer.context["form"].errors)) == (400, ["note"]), "nobody said why"
    assert client.post(url, sent | {"note": "fewer"}).status_code == 302


def test_who_may_not_save_reads(allocated: Shop) -> None:
    client, url = page(allocated, "dana")
    shown = client.get(url)
    assert shown.status_code == 200 and not shown.context["may_save"] and shown.context["who"]
    assert client.post(url, {**NUMBERS, "is_on": "on", "seen_number": "0"}).status_code == 403
    outsider, url = page(allocated, "otto")
    assert outsider.get(url).status_code == 404
