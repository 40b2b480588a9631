"""The persona page: whole with many personas and long names, pictures before statements, nothing from outside."""

import re
from dataclasses import replace

import pytest
from tests.measurement.report.test_report_page import EMPTY

from omnimix.audience.persona.persona import (
    Hours,
    Kind,
    Narrative,
    Path,
    Persona,
    PriceRange,
    Statement,
)
from omnimix.audience.segment.segment import Segment
from omnimix.data.enrichment.audit import Comparison, EnrichmentRules, judged
from omnimix.measurement.report.page import render_report
from omnimix.measurement.report.portrait import difference_plot, enrichment_plot, portrait, price_plot, week_map
from omnimix.measurement.report.record import Report

EVEN = tuple(tuple(1 / 168 for _hour in range(24)) for _day in range(7))
NOON = tuple(tuple(0.5 if (d, h) == (3, 12) else 0.5 / 167 for h in range(24)) for d in range(7))
STATEMENTS = (
    Statement(Kind.PRICE, "They choose dear things.", "usual unit price", 295, 195, 290, 300, "minor", 900),
    Statement(
        Kind.WORD, "“owl” is a word of theirs.", "share who say “owl”", 0.4, 0.2, 0.35, 0.45, "share", 900, "owl"
    ),
    Statement(
        Kind.OBJECTION, "They send back.", "share who returned", 0.3, 0.2, 0.25, 0.35, "share", 900, "returned"
    ),
    Statement(Kind.CHALLENGE, "Few come back.", "share gone", 0.05, 0.2, 0.04, 0.06, "share", 900, "absence"),
)


def persona(name: str, number: int = 0) -> Persona:
    segment = Segment(f"k{number}", name, 900, 0.3, "orders ≥ 3", 0.9, 0.8, 0.9, {}, {})
    path = Path(("Product Viewed", "Order Completed"), 44, 0.11, 0.08, 0.14, 0.05, 400)
    prices = PriceRange(120, 900, 300, 100, 700, 250, 900)
    return Persona(
        segment, f"{name}: 900", STATEMENTS, Hours(NOON, EVEN, 900), prices, (path,), Narrative("A.", "template")
    )


def page(*people: Persona) -> str:
    whole = render_report(replace(EMPTY, personas=people))
    return whole[whole.index('id="personas"') : whole.index("</section>", whole.index('id="personas"'))]


@pytest.mark.parametrize("count", [1, 3, 8, 12])
def test_every_persona_is_there_with_pictures_before_its_statements(count: int) -> None:
    names = [
        f"Buyers of {'very ' * 12}long names and Donaudampfschifffahrtsgesellschaft {i}" for i in range(count)
    ]
    html = page(*(persona(name, i) for i, name in enumerate(names)))
    articles = html.split('<article class="persona"')[1:]
    assert len(articles) == count
    for name, article in zip(names, articles, strict=True):
        assert name in article
        assert article.count("<svg") == 3
        assert article.rindex("</svg>") < article.index("They choose dear things.")
        assert article.index("44 people, 11%") < article.index("<details>")
    assert html.count('href="#persona-') == count


def test_words_from_outside_stay_words() -> None:
    html = page(replace(persona("<script>alert(1)</script>"), narrative=Narrative("<b>x</b>", "tiny", "")))
    assert "<script" not in html
    assert "&lt;b&gt;x" in html
    assert "Told by tiny" in html


def test_a_refused_story_says_why() -> None:
    html = page(replace(persona("A"), narrative=Narrative("By template.", "template", "tiny: it says 90")))
    assert "Not taken: tiny: it says 90." in html


def test_a_silent_persona_is_whole() -> None:
    bare = Persona(persona("Quiet").segment, "Quiet: 900 customers. Nothing.", ())
    html = page(bare)
    assert "Nothing about this segment differs" in html
    assert html.count("<svg") == 0


def test_bars_point_the_way_the_figures_do() -> None:
    drawn = str(difference_plot(persona("A"), "GBP"))
    assert drawn.count("differs more") == 2
    assert drawn.count("differs less") == 1
    bars = [(float(x), float(w)) for x, w in re.findall(r'<rect x="([\d.]+)" y="[\d.]+" width="([\d.]+)"', drawn)]
    assert all(abs(x - 180) < 0.2 or abs(x + w - 180) < 0.2 for x, w in bars), (
        "each bar begins at everybody's figure"
    )


def test_the_week_has_a_cell_for_each_hour_and_frames_the_peak() -> None:
    drawn = str(week_map(Hours(NOON, EVEN, 900)))
    assert drawn.count('class="hour"') == 168
    assert drawn.count('class="frame"') == 1
    assert "Thu 12:00: 50.0% of their orders, everybody 0.6%" in drawn
    assert 'class="frame"' not in str(week_map(Hours(EVEN, EVEN, 900)))


def test_prices_keep_their_order() -> None:
    drawn = str(price_plot(PriceRange(120, 900, 300, 100, 700, 250, 900), "GBP"))
    for text in ("£1.20", "£9.00", "£3.00", "£1.00", "£7.00", "£2.50"):
        assert text in drawn
    same = str(price_plot(PriceRange(5, 5, 5, 5, 5, 5, 40), "GBP"))
    assert "nan" not in same


def test_enrichment_stands_against_break_even() -> None:
    rules = EnrichmentRules()
    rows = (("gender", 42), ("country", 97))
    found = tuple(
        judged(
            "Datahouse",
            trait,
            Comparison(100, 100, 100, right, 0.6, "said"),
            price_minor=5.0,
            worth_minor=100.0,
            worth_assumed=True,
            rules=rules,
        )
        for trait, right in rows
    )
    html = render_report(replace(EMPTY, personas=(persona("A"),), enrichment=found))
    assert "Datahouse&#39;s gender is right for 42% of 100 people" in html
    assert "it is not used for targeting" in html
    assert "assumed: £1.00 a person" in html
    assert str(enrichment_plot(found)).count("<circle") == 2
    assert str(enrichment_plot(())) == ""


def test_the_biggest_words_are_the_most_distinctive() -> None:
    drawn = portrait(persona("A"), "GBP")
    assert drawn.words == (("owl", "40% against 20%", 1.25),)
    assert isinstance(EMPTY, Report)
