"""Workers do what people ask for, the watcher passes again; without a worker the watcher does all of it, in time.

A trigger in the database notes under whose name each pass over a run was claimed, and in which phase the run was.
A pass that goes on with the next phase is noted with the phase that it leaves.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.whole.conftest import new_database
from tests.whole.halves import on_postgresql, on_sqlite
from tests.whole.people import Carried, Crew
from tests.whole.product import Product, running, wait_for
from tests.whole.rows import Rows

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
RUNS = ("build", "review", "deployment")
TABLE = "CREATE TABLE tests_passes (kind varchar(16), run bigint, phase varchar(32), owner varchar(100), wakes bigint)"
NOTE = "INSERT INTO tests_passes VALUES ('{kind}', NEW.id, OLD.phase, NEW.owner, NEW.wakes);"
ON_SQLITE = (
    "CREATE TRIGGER tests_{kind} AFTER UPDATE OF fence, phase ON releases_{kind} WHEN NEW.owner <> '' BEGIN "
    + NOTE
    + " END"
)
ON_POSTGRESQL = (
    "CREATE FUNCTION tests_{kind}() RETURNS trigger AS $$ BEGIN " + NOTE + " RETURN NEW; END $$ LANGUAGE plpgsql",
    "CREATE TRIGGER tests_{kind} AFTER UPDATE OF fence, phase ON releases_{kind} FOR EACH ROW WHEN (NEW.owner <> '')"
    " EXECUTE FUNCTION tests_{kind}()",
)


PATIENT_SECONDS = 60.0
"""A loaded machine may hand a hint over later than the usual two seconds: then it is the watcher's, rightly."""


@pytest.fixture
def product(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Product]:
    """A web process and the stand-ins; the parameter is for how long its watchers leave a wish to the workers."""
    hint = {"RUN_HINT_SECONDS": str(request.param)} if hasattr(request, "param") else {}
    with (
        new_database() as variables,
        running(Product(tmp_path, workers=0, watchers=0, **variables, **hint)) as product,
    ):
        yield product


@pytest.fixture
def passes(product: Product) -> Rows:
    rows = product.rows()
    rows.change(TABLE)
    statements = ON_POSTGRESQL if "DATABASE_URL" in product.environment else (ON_SQLITE,)
    for kind in RUNS:
        for statement in statements:
            rows.change(statement.format(kind=kind))
    return rows


def carry(product: Product) -> Carried:
    """Built, deployed to FAT, and rolled back there to the order before."""
    crew = Crew(product)
    first, second = crew.create(), crew.create()
    for order in (first, second):
        order.build()
        deployed = order.to_fat()
        if order is first:
            target = deployed["id"]
    path = f"components/{first.component}/environments/fat/roll-backs/"
    back = crew.operator.post(path, deployment=target)
    state = "SELECT state FROM releases_deployment WHERE id = %s"
    rows = product.rows()
    wait_for(lambda: rows.one(state, back["id"]) == "succeeded", "the roll back succeeds", 60)
    return first


def who_ran(passes: Rows, order: Carried, *, most_wakes: int = 1_000_000) -> dict[tuple[str, str], set[str]]:
    """The processes by kind and phase, for the runs of one order; of runs that were woken so often at most."""
    found: dict[tuple[str, str], set[str]] = defaultdict(set)
    for kind in RUNS:
        query = (
            f"SELECT p.phase, p.owner FROM tests_passes p JOIN releases_{kind} r ON r.id = p.run"
            " JOIN releases_releaseorder o ON o.id = r.order_id WHERE p.kind = %s AND o.number = %s AND p.wakes <= %s"
        )
        for phase, owner in passes.all(query, kind, order.number, most_wakes):
            found[kind, phase].add(owner.partition("/")[0])
    return dict(found)


ASKED_FOR = {("build", "start"), ("review", "start"), ("deployment", "start"), ("deployment", "applying")}
LOOKED_AT = {("build", "building"), ("deployment", "rolling")}


@on_postgresql
@pytest.mark.parametrize("product", [PATIENT_SECONDS], indirect=True)
def test_a_worker_triggers_renders_applies_and_rolls_back(product: Product, passes: Rows) -> None:
    product.watcher("watcher-x")
    product.worker("worker-x")
    order = carry(product)
    ran = who_ran(passes, order)
    assert ran.keys() >= ASKED_FOR | LOOKED_AT
    # On a loaded machine contact with a stand-in may be lost for a moment: its return wakes all runs, for anybody.
    asked = who_ran(passes, order, most_wakes=0)
    found = {key: asked[key] for key in ASKED_FOR if key in asked}
    assert found and found == {key: {"worker-x"} for key in found}, (asked, ran)
    assert {key: ran[key] for key in LOOKED_AT} == {key: {"watcher-x"} for key in LOOKED_AT}


@on_sqlite
def test_without_a_worker_the_watcher_does_everything(product: Product, passes: Rows) -> None:
    product.watcher("watcher-x")
    ran = who_ran(passes, carry(product))
    assert ran.keys() >= ASKED_FOR | LOOKED_AT
    assert set().union(*ran.values()) == {"watcher-x"}
