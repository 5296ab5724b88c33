"""The flow graph: circles are found, boxes do not overlap."""

from __future__ import annotations

import itertools

from environments.flow import BOX_HEIGHT, BOX_WIDTH, draw, find_cycle

FLOW = {"fat": [], "uat": ["fat"], "prd": ["uat"], "drp": ["uat"]}


def test_a_flow_without_circle() -> None:
    assert find_cycle(FLOW) == []


def test_a_circle_is_named_along_its_way() -> None:
    assert find_cycle({"a": ["c"], "b": ["a"], "c": ["b"]}) == ["a", "c", "b", "a"]
    assert find_cycle({"a": ["a"]}) == ["a", "a"]


def test_boxes_stand_in_columns_and_apart() -> None:
    drawing = draw(FLOW, {"drp": "prd"})
    place = {box.slug: (box.x, box.y) for box in drawing.boxes}
    assert place["fat"][0] < place["uat"][0] < place["prd"][0] == place["drp"][0]
    for one, two in itertools.combinations(drawing.boxes, 2):
        assert abs(one.x - two.x) >= BOX_WIDTH or abs(one.y - two.y) >= BOX_HEIGHT
    assert {(arrow.start, arrow.end, arrow.is_twin) for arrow in drawing.arrows} == {
        ("fat", "uat", False), ("uat", "prd", False), ("uat", "drp", False), ("prd", "drp", True),
    }  # fmt: skip
    assert all(box.x + BOX_WIDTH <= drawing.width and box.y + BOX_HEIGHT <= drawing.height for box in drawing.boxes)


def test_an_environment_stands_after_everything_it_follows() -> None:
    drawing = draw({"fat": [], "uat": ["fat"], "prd": ["fat", "uat"]}, {})
    x = {box.slug: box.x for box in drawing.boxes}
    assert x["prd"] > x["uat"] > x["fat"]
