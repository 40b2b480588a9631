"""Pictures of the segments: every number on them is one of the record, and names do not run into the bars."""

import re
from datetime import datetime
from itertools import pairwise

import pytest
from tests.measurement.report.test_report_page import BRAND

from omnimix.audience.segment.drift import Drift, Level, Shift
from omnimix.audience.segment.movement import NEW, Move, Movement
from omnimix.audience.segment.segment import REST, Origin, Segment
from omnimix.audience.segment.watch import Watch
from omnimix.measurement.report.record import Report
from omnimix.measurement.report.segment_plots import drift_plot, movement_plot, sizes_plot

THEN, NOW = datetime(2026, 1, 1), datetime(2026, 4, 1)


def report(count: int, name: str = "Occasional buyers") -> Report:
    """So many segments, of which the first lost half of its people to the rest."""
    share = 1 / (count + 1)
    segments = [Segment(f"s{i}", f"{name} {i}", 100, share, "a rule", 0.9, 0.8, 0.9, {}, {}) for i in range(count)]
    segments.append(Segment(REST, "Everyone else", 50, share, "none", 1, 1, 1, {}, {}, Origin.REST))
    moves = [Move(f"s{i}", f"s{i}", 100, 1.0) for i in range(1, count)]
    moves += [Move("s0", "s0", 50, 0.5), Move("s0", REST, 50, 0.5), Move(NEW, "s0", 50, 1.0)]
    drift = Drift(THEN, NOW, 900, (Shift("orders", 0.3, 0.001, Level.ALARM),), Level.ALARM, NOW, "Refit.")
    watch = Watch(movement=Movement(THEN, NOW, 900, tuple(moves)), drift=drift)
    return Report(BRAND, "GBP", NOW, segments=tuple(segments), segment_watch=watch)


@pytest.mark.parametrize("count", [3, 8, 20])
def test_every_move_is_a_cell_that_says_its_number(count: int) -> None:
    picture = str(movement_plot(report(count)))
    told = re.findall(r"<title>([^<]*people[^<]*)</title>", picture)
    assert len(told) == count + 2
    assert "Occasional buyers 0 → Everyone else: 50 people, 50%" in told
    assert "Not yet customers → Occasional buyers 0: 50 people, 100%" in told
    assert len(re.findall('class="cell none"', picture)) == (count + 1) ** 2 - (count + 2)
    edges = [float(x) + float(w) for x, w in re.findall(r'<rect x="([\d.]+)"[^>]*? width="([\d.]+)"', picture)]
    assert max(edges) <= 760


@pytest.mark.parametrize(
    "name", ["Short", "A very long name of a segment that has far too many words to be drawn"]
)
def test_labels_fit_beside_the_bars(name: str) -> None:
    picture = str(sizes_plot(report(8, name)))
    labels = re.findall(r'<text x="222" y="([\d.]+)" class="label" text-anchor="end">([^<]*)<', picture)
    assert all(len(text) <= 31 for _y, text in labels)
    assert len(labels) == (9 if name == "Short" else 17)
    heights = sorted(float(y) for y, _text in labels)
    assert min(b - a for a, b in pairwise(heights)) >= 13
    assert picture.count("100 · ") == 8


def test_drift_shows_each_figure_with_its_bounds() -> None:
    picture = str(drift_plot(report(3)))
    assert "shift alarm" in picture
    assert "0.300" in picture
    assert "large from 0.25" in picture


def test_nothing_is_drawn_of_nothing() -> None:
    empty = Report(BRAND, "GBP", NOW)
    assert not sizes_plot(empty)
    assert not movement_plot(empty)
    assert not drift_plot(empty)
