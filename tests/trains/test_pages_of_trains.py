"""The list of trains by the page, and rubbish that is typed into a train's forms."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from tests.cast import World
from trains.models import Train

SignIn = Callable[[str], Client]


def test_the_list_comes_by_the_page(world: World, signed_in: SignIn) -> None:
    made = Train.objects.bulk_create(
        Train(space=world.spaces["fat"], name=f"Train {number}", created_by=world.dana) for number in range(51)
    )
    client = signed_in("olli")
    first = client.get("/trains/").content.decode()
    assert f"before={made[1].pk}" in first and f'href="/trains/{made[0].pk}/"' not in first
    older = client.get(f"/trains/?before={made[1].pk}").content.decode()
    assert f'href="/trains/{made[0].pk}/"' in older and f"after={made[0].pk}" in older
    assert client.get("/trains/?before=rubbish").status_code == 400


@pytest.mark.parametrize("wave", ["x", "9" * 5000, "²", "-1", "0"])
def test_a_wave_that_is_no_number_is_refused(make_train: Callable[..., Train], signed_in: SignIn, wave: str) -> None:
    train = make_train(("A",))
    sent = {"component": "sis-omm-b", "branch": "master", "wave": wave}
    answer = signed_in("dana").post(f"/trains/{train.pk}/orders/", sent)
    assert answer.status_code == 400 and "wave" in answer.content.decode()
