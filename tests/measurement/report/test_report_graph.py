import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from datetime import datetime
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.measurement.report.maps import made_map

from omnimix.audience.journey.journey import EXIT, START, JourneyMap
from omnimix.audience.journey.pain.record import Interval, Kind, PainPoint, PainReport
from omnimix.measurement.report.graph import compose, journey_graph, label_at, width_of
from omnimix.measurement.report.layout import Box, Edge, lay_out

Rectangle = tuple[float, float, float, float]


def overlap(a: Rectangle, b: Rectangle) -> bool:
    return a[0] < b[2] - 0.1 and b[0] < a[2] - 0.1 and a[1] < b[3] - 0.1 and b[1] < a[3] - 0.1


def labels(journey: JourneyMap) -> list[tuple[str, Rectangle]]:
    """Every label that stands by itself, boxes included, with the space it takes."""
    picture = compose(journey)
    found = [(f"box {p.key}", (p.x, p.y, p.x + p.width, p.y + p.height)) for p in picture.layout.boxes.values()]
    for run in picture.layout.runs:
        if run.edge.start == START:
            continue
        x, y = label_at(run)
        half = width_of("88.8%", bold=False, size=11.5) / 2
        found.append((f"{run.edge.start} → {run.edge.end}", (x - half, y - 10, x + half, y + 2)))
    return found


@pytest.mark.parametrize("count", [5, 15, 40])
@pytest.mark.parametrize("long_names", [False, True])
def test_no_label_lies_on_another_and_all_lie_inside(count: int, long_names: bool) -> None:
    journey = made_map(count, seed=count, long_names=long_names)
    picture, found = compose(journey), labels(journey)
    assert [(a, b) for (a, x), (b, y) in combinations(found, 2) if overlap(x, y)] == []
    for _name, (left, top, right, bottom) in found:
        assert left >= 0
        assert top >= 0
        assert right <= picture.layout.width
        assert bottom <= picture.layout.height


@pytest.mark.parametrize("long_names", [False, True])
def test_texts_fit_into_their_boxes(long_names: bool) -> None:
    picture = compose(made_map(40, seed=2, long_names=long_names))
    for key, node in picture.nodes.items():
        room = picture.layout.boxes[key].width - 20
        assert all(width_of(line) <= room for line in node.lines)
        assert all(width_of(row, bold=False, size=11.5) <= room for row in node.rows), node.rows


def test_bands_run_beside_boxes_never_under_them() -> None:
    picture = compose(made_map(40, seed=40))
    for run in picture.layout.runs:
        for x, y in run.points[1:-1]:
            for box in picture.layout.boxes.values():
                inside = box.x < x < box.x + box.width and box.y - 3 < y < box.y + box.height + 3
                assert not inside, (run.edge, box.key)


@settings(max_examples=20, deadline=None)
@given(count=st.integers(1, 25), seed=st.integers(0, 99))
def test_everything_that_followed_a_step_is_in_its_box(count: int, seed: int) -> None:
    journey = made_map(count, seed=seed)
    picture = compose(journey)
    assert set(picture.nodes) == {START, *(s.step for s in journey.steps)}
    for step in journey.steps:
        after = picture.nodes[step.step].after
        assert abs(sum(after.values()) - 1) < 1e-9
        left = sum(m.share for m in journey.moves_from(step.step) if m.next_step == EXIT)
        assert abs(after["exit"] - left) < 1e-12
        drawn = sum(m.share for (a, _b), m in picture.moves.items() if a == step.step)
        assert abs(after["on"] - drawn) < 1e-9
    assert journey_graph(journey) == journey_graph(replace(journey, moves=journey.moves[::-1]))


def test_the_picture_can_be_read_without_eyes_and_by_day_and_night() -> None:
    journey = made_map(15, seed=3)
    alone = str(journey_graph(journey, alone=True))
    tree = ET.fromstring(alone)  # noqa: S314 - our own text
    items = [g for g in tree.iter() if g.get("role") == "listitem"]
    assert len(items) == 16
    assert all(g.get("tabindex") == "0" and "people" in g.get("aria-label", "") for g in items[1:])
    assert "prefers-color-scheme:dark" in alone
    inside = str(journey_graph(journey))
    assert "prefers-color-scheme" not in inside  # the page around it stays light
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", alone)


def test_names_are_escaped_and_nothing_gives_no_picture() -> None:
    journey = made_map(5, seed=1)
    first = journey.steps[0].step
    evil = "<script>alert(1)</script>"
    renamed = replace(
        journey,
        steps=tuple(replace(s, step=evil) if s.step == first else s for s in journey.steps),
        moves=tuple(
            replace(
                m,
                step=evil if m.step == first else m.step,
                next_step=evil if m.next_step == first else m.next_step,
            )
            for m in journey.moves
        ),
    )
    assert "<script>" not in journey_graph(renamed)
    assert journey_graph(replace(journey, steps=(), moves=())) == ""


def test_pain_is_marked_where_it_hurts() -> None:
    journey = made_map(15, seed=3)
    step, following = next(iter(k for k in compose(journey).moves if k[0] != START))
    some = Interval(0.5, 0.4, 0.6)
    point = PainPoint(
        "k", Kind.LOOP, step, following, None, (), 9, 5, 5, some, 0.1, some, None, None, 0.01, 9.0, "It hurts."
    )
    pain = PainReport(
        as_of=datetime(2026, 1, 1),
        currency="GBP",
        first_on=None,
        last_on=None,
        sessions=9,
        profiles=9,
        scanned=1,
        rate_of_false=0.05,
        points=(point,),
        standing=(),
        traffic=(),
        contrasts=(),
        cohorts=(),
        notes=(),
    )
    picture = compose(journey, pain)
    assert picture.hurt == {(step, following)}
    assert [k for k, n in picture.nodes.items() if n.marks] == [step]
    drawn = str(journey_graph(journey, pain))
    assert "band forward hurt" in drawn or "band back hurt" in drawn
    assert "pain points 1" in drawn


@settings(max_examples=25, deadline=None)
@given(
    pairs=st.lists(
        st.tuples(st.integers(0, 7), st.integers(0, 7), st.integers(1, 99)), max_size=14, unique_by=lambda p: p[:2]
    )
)
def test_any_graph_is_laid_out_without_collisions(pairs: list[tuple[int, int, int]]) -> None:
    boxes = [Box(f"b{i}", 60 + 10 * i, 40 + i) for i in range(8)]
    edges = [Edge(f"b{a}", f"b{b}", float(w), 20) for a, b, w in pairs if a != b]
    laid = lay_out(boxes, edges, in_row=3, between=60)
    assert set(laid.boxes) == {b.key for b in boxes}
    areas = [(p.x, p.y, p.x + p.width, p.y + p.height) for p in laid.boxes.values()]
    assert not any(overlap(a, b) for a, b in combinations(areas, 2))
    assert len(laid.runs) == len(edges)
    for run in laid.runs:
        start, end = laid.boxes[run.edge.start], laid.boxes[run.edge.end]
        assert start.x <= run.points[0][0] <= start.x + start.width
        assert end.x <= run.points[-1][0] <= end.x + end.width
