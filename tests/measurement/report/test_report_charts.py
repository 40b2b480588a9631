"""Charts: everything stays inside the drawing, proportions are kept, what is unknown is shown as unknown."""

import math
import re
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omnimix.measurement.report.charts import Bar, Course, Fall, Span, bars, courses, forest, stages, waterfall
from omnimix.measurement.report.svg import cut, tag

AMOUNTS = st.floats(-1e9, 1e9, allow_nan=False)


def _svg(chart: str) -> ElementTree.Element:
    found = re.search(r"<svg.*</svg>", chart, re.DOTALL)
    assert found
    return ElementTree.fromstring(found[0])  # noqa: S314 - our own markup


def _inside(svg: ElementTree.Element) -> None:
    _, _, width, height = (float(x) for x in svg.attrib["viewBox"].split())
    for element in svg.iter():
        for key, limit in (
            ("x", width),
            ("x1", width),
            ("x2", width),
            ("cx", width),
            ("y", height),
            ("cy", height),
        ):
            if key in element.attrib:
                assert -1 <= float(element.attrib[key]) <= limit + 1, (element.tag, element.attrib)
        if element.tag == "rect":
            assert float(element.attrib["x"]) + float(element.attrib["width"]) <= width + 1


@settings(max_examples=25)
@given(st.lists(st.floats(0, 1e9), min_size=1, max_size=12))
def test_bars_are_as_long_as_their_values(values: list[float]) -> None:
    svg = _svg(bars([Bar(f"b{i}", v, "") for i, v in enumerate(values)], title="t"))
    _inside(svg)
    widths = [float(r.attrib["width"]) for r in svg.iter("rect")]
    assert len(widths) == len(values)
    if max(values) > 1:
        for width, value in zip(widths, values, strict=True):
            assert width / max(widths) == pytest.approx(value / max(values), abs=0.001)


@settings(max_examples=25)
@given(st.lists(st.tuples(AMOUNTS, st.floats(0, 1e9)), min_size=1, max_size=8))
def test_a_forest_stays_inside_and_says_what_is_unknown(pairs: list[tuple[float, float]]) -> None:
    spans = [Span("s", at, at - half, at + half, "") for at, half in pairs]
    spans.append(Span("unknown", 0.0, -math.inf, math.inf, "not known yet"))
    chart = forest(spans, title="t", axis="a")
    svg = _svg(chart)
    _inside(svg)
    assert sum(e.tag == "circle" for e in svg.iter()) == len(pairs)
    assert sum("unknown" in e.attrib.get("class", "") for e in svg.iter("line")) == 1


@pytest.mark.parametrize(("low", "high", "kind"), [(1.0, 2.0, "good"), (-2.0, -1.0, "bad"), (-1.0, 1.0, "open")])
def test_an_interval_is_coloured_by_where_it_lies(low: float, high: float, kind: str) -> None:
    assert Span("", (low + high) / 2, low, high, "").class_ == kind


@settings(max_examples=25)
@given(st.lists(AMOUNTS, min_size=1, max_size=6))
def test_a_waterfall_ends_where_the_amounts_add_up(amounts: list[float]) -> None:
    falls = [Fall("start", 0.0, "", total=True), *(Fall("x", a, "") for a in amounts)]
    falls.append(Fall("end", sum(amounts), "", total=True))
    svg = _svg(waterfall(falls, title="t"))
    _inside(svg)
    blocks = list(svg.iter("rect"))
    ground = float(next(svg.iter("line")).attrib["y1"])
    last, end = blocks[-2], blocks[-1]
    edges = [float(last.attrib["y"]), float(last.attrib["y"]) + float(last.attrib["height"])]
    reached = float(end.attrib["y"]) if sum(amounts) >= 0 else float(end.attrib["y"]) + float(end.attrib["height"])
    assert min(abs(reached - e) for e in (*edges, ground)) <= 2.5


def test_stage_columns_are_full() -> None:
    chart = stages(
        [("1 Mar", [("new", 0.25), ("active", 0.75)]), ("1 Apr", [("new", 1.0), ("active", 0.0)])], title="t"
    )
    svg = _svg(chart)
    _inside(svg)
    heights = [float(r.attrib["height"]) for r in svg.iter("rect")][:4]
    assert sum(heights[:2]) == pytest.approx(190) == pytest.approx(sum(heights[2:]))


def test_courses_show_every_week() -> None:
    spans = [Span("", 1.0, 1 - 3 / k, 1 + 3 / k, "") for k in (1, 2, 3)]
    svg = _svg(courses([Course("broad", spans), Course("empty", ())], title="t"))
    _inside(svg)
    assert sum(e.tag == "circle" for e in svg.iter()) == 3


def test_nothing_to_draw_gives_nothing() -> None:
    assert bars([], title="t") == forest([], title="t", axis="") == waterfall([], title="t") == ""
    assert stages([], title="t") == courses([], title="t") == ""


def test_a_simulated_chart_says_so() -> None:
    bar = [Bar("a", 1.0, "1")]
    assert "SIMULATED" in bars(bar, title="t", simulated=True)
    assert "SIMULATED" not in bars(bar, title="t")


@given(st.text(max_size=20))
def test_words_cannot_become_markup(text: str) -> None:
    made = tag("text", f"<b>{text}", title=f'"{text}<')
    assert "<b>" not in made
    assert made.count("<") == 2


def test_cut_keeps_short_words_and_marks_long_ones() -> None:
    assert cut("short", 10) == "short"
    assert cut("a rather long label", 10) == "a rather…"
