"""What the viewer of a pod's log is given."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from deployer.adapters import kubernetes
from deployer.adapters.kubernetes import KubernetesCluster
from deployer.errors import NotFound
from foundation.messages import message as _
from releases import live_reads
from releases.logs.pods import answer_of, containers_of
from releases.models import Placement, Snapshot
from tests.cast import World


def get(world: World, who: str, query: str = "", pod: str = "proxy-1") -> Any:
    client = Client()
    client.force_login(world.people[who], backend="accounts.backends.PasswordBackend")
    return client.get(f"/runtime/sis-omm/sis-omm-proxy-gw/fat/pods/{pod}/log/{query}")


def test_marked_lines_are_named_by_their_place() -> None:
    answer = answer_of("INFO fine\nERROR no datasource\nWARN slow\nfine\n")
    assert (answer["errors"], answer["warnings"], answer["most_lines"]) == ([1], [2], 1000)


def test_the_components_containers_come_first(place: Placement) -> None:
    assert containers_of(place) == ["app", "side<car>", "fetch"]
    Snapshot.objects.all().update(manifests=[])
    assert containers_of(Placement.objects.get(pk=place.pk)) == []


def test_an_earlier_log_that_never_was_is_missing_and_not_a_broken_cluster(
    world: World, place: Placement, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never_ran(*_asked: Any, **_how: Any) -> str:
        raise NotFound(_("The container has not run before, so there is no earlier log."))

    monkeypatch.setattr(KubernetesCluster, "pod_log", never_ran)
    monkeypatch.setattr(live_reads, "cluster_target", lambda _cluster: None)
    monkeypatch.setattr(kubernetes, "connect", lambda _target: object.__new__(KubernetesCluster))
    client = Client()
    client.force_login(world.olli, backend="accounts.backends.PasswordBackend")
    path = "/api/v1/components/sis-omm/sis-omm-proxy-gw/environments/fat/pods/proxy-1/log/?previous=true"
    answer = client.get(path)
    assert (answer.status_code, answer.json()["code"]) == (404, "pod-log"), answer.json()
    assert "no earlier log" in answer.json()["detail"]
    page = get(world, "olli", "?previous=1")
    assert page.status_code == 404 and "no earlier log" in page.content.decode()


def test_a_cluster_that_does_not_answer_is_told_in_the_page(world: World, place: Placement) -> None:
    answer = get(world, "olli", "?container=side%3Ccar%3E&previous=1")
    text = answer.content.decode()
    assert answer.status_code == 502 and 'class="note error"' in text
    # The other logs are still one click away, with the container that was chosen.
    assert '<option value="side&lt;car&gt;" selected>' in text and "?container=side%3Ccar%3E" in text
    assert get(world, "olli", "?container=unheard-of").context["container"] == "app"


def test_outsiders_and_wrong_pods_get_404(world: World, place: Placement) -> None:
    assert get(world, "otto").status_code == 404
    assert get(world, "olli", pod="another-pod").status_code == 404
