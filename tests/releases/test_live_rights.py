"""Who may still watch: one query for everybody, rights anew where an epoch moved or a grant ended."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from environments.choices import Role
from environments.models import Membership
from environments.services.people import rights_changed
from releases.live.rights import WatchedRights, Watcher
from tests.cast import World
from tests.patience import wait_for

pytestmark = [pytest.mark.security("rights-that-ended"), pytest.mark.django_db]
VIEWERS = 100


@pytest.fixture
def viewers(world: World) -> list[Watcher]:
    """A hundred people, each with a session and a role in the project."""
    people = User.objects.bulk_create(User(username=f"viewer-{n:03d}", name=f"V{n}") for n in range(VIEWERS))
    roles = (Membership(user=user, role=Role.DEVELOPER, project=world.project) for user in people)
    Membership.objects.bulk_create(roles)
    found = []
    for user in people:
        store = SessionStore()
        store.create()
        found.append((user.pk, store.session_key or "", world.project.pk))
    return found


def queries_of(rights: WatchedRights, asked: list[Watcher]) -> tuple[int, set[Watcher]]:
    with CaptureQueriesContext(connection) as queries:
        allowed = rights.allowed(asked)
    return len(queries), allowed


def test_a_second_of_a_hundred_viewers_is_one_query(viewers: list[Watcher]) -> None:
    rights = WatchedRights()
    assert queries_of(rights, viewers) == (3, set(viewers))
    assert queries_of(rights, viewers) == (1, set(viewers))


@pytest.mark.parametrize("how", ["a right", "the session", "an expired session", "the person"])
def test_what_ends_for_one_ends_for_nobody_else(viewers: list[Watcher], how: str) -> None:
    rights = WatchedRights()
    rights.allowed(viewers)
    user_id, key, _project = gone = viewers[7]
    if how == "a right":
        Membership.objects.filter(user=user_id).delete()
        rights_changed(User.objects.filter(pk=user_id))
    elif how == "the session":
        Session.objects.filter(session_key=key).delete()
    elif how == "an expired session":
        Session.objects.filter(session_key=key).update(expire_date=timezone.now() - timedelta(seconds=1))
    else:
        User.objects.filter(pk=user_id).update(is_active=False)
    count, allowed = queries_of(rights, viewers)
    assert allowed == set(viewers) - {gone}
    assert count <= 3
    assert queries_of(rights, viewers)[0] <= (1 if how == "a right" else count)


def test_a_grant_that_ends_by_itself_needs_no_change(viewers: list[Watcher], world: World) -> None:
    user_id, key, project = viewers[0]
    Membership.objects.filter(user=user_id).update(ends_at=timezone.now() + timedelta(seconds=0.6))
    rights = WatchedRights()
    assert rights.allowed(viewers) == set(viewers)
    before = User.objects.get(pk=user_id).rights_epoch
    wait_for(lambda: (user_id, key, project) not in rights.allowed(viewers), "the grant has ended", 5)
    assert rights.allowed(viewers) == set(viewers[1:])
    assert User.objects.get(pk=user_id).rights_epoch == before
