"""The database is restored from a backup while clusters, Jenkins and the registry went on."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from audit.chain import read_head, seal_events
from foundation.runs.heartbeat import beat
from foundation.runs.models import Heartbeat
from releases.models import Deployment, ReleaseOrder
from releases.services import builds
from tests.site import Site

pytestmark = pytest.mark.slow


def copy_database(source: Path, target: Path) -> None:
    """All rows as they are, by SQLite's own backup."""
    connection.close()
    with closing(sqlite3.connect(source)) as have, closing(sqlite3.connect(target)) as wanted:
        have.backup(wanted)


@pytest.fixture
def backup(site_database: Path, tmp_path: Path) -> Callable[[], Callable[[], None]]:
    """Takes a backup; what it returns restores it."""

    def take() -> Callable[[], None]:
        copy_database(site_database, tmp_path / "backup.sqlite3")
        return lambda: copy_database(tmp_path / "backup.sqlite3", site_database)

    return take


def newest_head() -> str:
    while seal_events():
        pass
    return str(read_head())


def after_restore(**options: object) -> str:
    output = StringIO()
    call_command("after_restore", stdout=output, **options)
    return output.getvalue()


def test_work_goes_on_after_a_restore_and_what_was_lost_is_named(
    site: Site, backup: Callable[[], Callable[[], None]]
) -> None:
    assert site.deploy(site.order_with_image()).state == "succeeded"
    waiting = site.order()
    restore = backup()
    # Lost: a build of an order that the backup knows, an order with its build and image, and two deployments.
    assert site.finish(builds.start_build(actor=site.world.dana, order=waiting)).state == "succeeded"
    lost = site.build().order
    lost.refresh_from_db()
    for _again in range(2):
        assert site.deploy(lost).state == "succeeded"
    image, head = site.image_running(), newest_head()
    restore()
    assert not ReleaseOrder.objects.filter(pk=lost.pk, number=lost.number).exists()

    refused = site.deploy(site.order_with_image("slow 1"))
    assert (refused.state, refused.reason) == ("failed", "unknown_mark")
    assert "manage.py after_restore" in refused.message
    assert site.image_running() == image

    said = after_restore(audit_head=head)
    repository = f"{site.world.project.slug}/{site.component.slug}"
    assert f"Lost: image {repository}:{lost.number}" in said
    assert f"built {lost.number} as" in said
    assert f"runs {site.component.slug} of {lost.number}" in said
    place = site.place("fat")
    assert (place.seen_at, place.settled_at, place.pods) == (None, None, [])
    assert "Unknown" in place.unsettled_reason

    place = site.observe("fat", lambda place: place.seen_at)
    assert "Something else runs there" in place.unsettled_reason
    assert site.image_running() == image, "a look changes nothing"

    # The tag has an image of a build that the database lost: it is neither used nor overwritten.
    waiting.refresh_from_db()
    again = site.finish(builds.start_build(actor=site.world.dana, order=waiting))
    assert (again.state, again.reason) == ("failed", "foreign_tag")
    run = site.deploy(site.order_with_image("slow 2"))
    assert run.state == "succeeded", run.message
    place = site.settle("fat")
    assert place.settled_at is not None
    assert place.unsettled_reason == ""

    newest_head()
    output = StringIO()
    call_command("audit_verify", head=head, stdout=output)
    assert "Restored: links" in output.getvalue()


def test_what_was_under_way_is_not_carried_out_twice(site: Site, backup: Callable[[], Callable[[], None]]) -> None:
    run = site.start(site.order_with_image("slow 1"))
    build = site.finish(site.start_build(), lambda row: row.phase == "start")
    restore = backup()
    assert site.finish(run).state == "succeeded"
    built = site.finish(build)
    assert built.state == "succeeded"
    restore()
    said = after_restore(no_audit_head=True)
    run.refresh_from_db()
    assert (run.state, run.reason) == ("errored", "restored")
    assert site.place("fat").in_progress is None
    assert f"Ended, because it was under way: {run.order.number}" in said
    # Jenkins knows its trigger id: the same run is followed, no second one is started.
    assert f"Adopted: {build.order.number}" in said
    again = site.finish(build)
    assert (again.state, again.build_number, again.digest) == ("succeeded", built.build_number, built.digest)


def test_a_placement_that_still_runs_what_the_backup_knows_is_known_again(
    site: Site, backup: Callable[[], Callable[[], None]]
) -> None:
    run = site.deploy(site.order_with_image())
    restore = backup()
    restore()
    after_restore(no_audit_head=True)
    place = site.observe("fat", lambda place: place.seen_at)
    assert (place.unsettled_reason, place.last_succeeded_id) == ("", run.pk)
    assert place.settled_at is not None
    assert Deployment.objects.get(pk=run.pk).state == "succeeded"


def test_a_side_that_is_away_is_named_and_listed_later(site: Site) -> None:
    site.world.cluster.url = "http://127.0.0.1:9"
    site.world.cluster.save()
    said = after_restore(no_audit_head=True)
    assert f"Could not be read: namespace {site.space('fat').namespace}" in said
    assert "after_restore --only-list" in said
    assert "Epoch" not in after_restore(only_list=True)


def test_it_is_refused_while_the_product_runs_and_for_a_head_of_another_log(site: Site) -> None:
    site.order()
    newest_head()
    with pytest.raises(CommandError, match="another installation or timeline"):
        after_restore(audit_head="1:" + "0" * 64)
    beat("watcher")
    with pytest.raises(CommandError, match="Stop the product first"):
        after_restore(no_audit_head=True)
    Heartbeat.objects.all().delete()
    assert "has begun" in after_restore(no_audit_head=True)
