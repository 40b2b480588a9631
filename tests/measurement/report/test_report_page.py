"""The page: whole with everything, whole with nothing, whole in itself, and honest about what is simulated."""

import math
import re
from dataclasses import replace
from datetime import date, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest
from PIL import Image as Picture

from omnimix.activation.experiment.ladder import Ladder, Rung
from omnimix.audience.journey.journey import EXIT, OPEN, START, FunnelStep, JourneyMap, Move, StageCount, Step
from omnimix.audience.persona.persona import Kind, Persona, Statement
from omnimix.audience.segment.segment import Segment
from omnimix.core.finding import Finding, Severity
from omnimix.core.grade import Grade
from omnimix.creative.brand import Brand, Colours
from omnimix.creative.brief.brief import Angle, Brief
from omnimix.creative.campaign import Campaign, Goal
from omnimix.creative.claim import Claim, ClaimKind
from omnimix.creative.review.queue import Candidate, Status
from omnimix.creative.variant import EmailCopy, Image, Variant
from omnimix.measurement.books.entry import Account
from omnimix.measurement.books.statement import Balance, Roas, Romi
from omnimix.measurement.books.statement import Statement as Books
from omnimix.measurement.lift.effect import Effect
from omnimix.measurement.lift.power import Verdict
from omnimix.measurement.lift.promote import Promotion
from omnimix.measurement.lift.ratio import sample_ratio
from omnimix.measurement.lift.reading import Reading
from omnimix.measurement.report.page import render_report
from omnimix.measurement.report.record import Report, StageLine
from omnimix.measurement.report.verdict import answer, figures, next_steps

NOW = datetime(2026, 11, 22, 9, 30)
BRAND = Brand(name="Larkspur & <Finch>", website="https://larkspur.example", promise="", sells="gifts")
EMPTY = Report(brand=BRAND, currency="GBP", made_at=NOW)
SEGMENT = Segment("regulars", "Loyal regulars", 1000, 0.25, "orders ≥ 5", 0.9, 0.8, 0.7, {}, {})
CAMPAIGN = Campaign(
    key="autumn",
    name="Autumn gifts",
    goal=Goal.SALES,
    channels=("meta_bulk",),
    daily_budget="10",
    starts_on=date(2026, 11, 1),
    ends_on=date(2026, 12, 1),
    landing_page="https://larkspur.example",
)


def _variant(path: str) -> Variant:
    return Variant(
        campaign="autumn",
        brief="regulars",
        angle="value",
        step=0,
        headlines=("Cake stands <for> you", "Second headline"),
        descriptions=("One good reason to bake.",),
        long_headline="Long",
        primary_text="Social",
        call_to_action="SHOP_NOW",
        email=EmailCopy("Subject", "Preheader", ("Paragraph",)),
        keywords=("cake stand",),
        product_ids=("1",),
        final_url="https://larkspur.example",
        claims=(Claim(ClaimKind.PRICE, "£12.75", "catalogue:1:price"),),
        images=(Image("square", 1080, 1080, path, "0" * 64, "A cake stand", 5.1, False),),
    )


def _effect(rung: Rung, segment: str | None, low: float, high: float) -> Effect:
    below = rung.below or Rung.NONE
    middle = (low + high) / 2 if math.isfinite(low) else 0.0
    return Effect(
        rung, below, segment, 2, middle, low, high, low, high, 0.1, 500, 510, 0.95, Grade.RANDOMISED, True
    )


def _look(number: int, *, promoted: bool) -> Reading:
    rung = Rung.SEGMENT if promoted else Rung.BROAD
    return Reading(
        look=number,
        looks=2,
        effects=(
            _effect(Rung.BROAD, None, 1.0, 3.0),
            _effect(Rung.SEGMENT, None, -math.inf, math.inf),
            _effect(Rung.MOMENT, None, -3.0, -1.0),
            _effect(Rung.BROAD, "regulars", 0.5, 2.0),
        ),
        checks=(sample_ratio({"none": 500, "broad": 500}, {"none": 0.5, "broad": 0.5}),),
        promotions=(Promotion("regulars", rung, number, "earns more than `broad`", ()),),
    )


def _journey() -> JourneyMap:
    steps = (Step("1st order", 100, 100, 1.0), Step("2nd order", 60, 60, 0.6), Step("Order Refunded", 12, 10, 0.1))
    moves = (
        Move(START, "1st order", 100, 100, 1.0, None, None, None),
        Move("1st order", "2nd order", 60, 60, 0.6, 1.0, 864_000.0, 2.0),
        Move("1st order", EXIT, 30, 30, 0.3, None, None, None),
        Move("1st order", OPEN, 10, 10, 0.1, None, None, None),
        Move("2nd order", "1st order", 5, 5, 0.1, 1.0, 2.0, 3.0),
        Move("2nd order", "Order Refunded", 12, 10, 0.2, 1.0, 2.0, 3.0),
    )
    day = NOW - timedelta(days=91)
    return JourneyMap(
        as_of=NOW,
        before=day,
        within_days=180,
        events=172,
        unidentified_events=7,
        profiles=100,
        sessions=120,
        steps=steps,
        moves=moves,
        funnel=(FunnelStep(0, "Product Viewed", 0, 0.0, 0.0, None),),
        repeat=(
            FunnelStep(0, "1st order", 100, 1.0, 1.0, None),
            FunnelStep(1, "2nd order", 60, 0.6, 0.6, 864_000.0),
        ),
        mediums=(),
        stages=(StageCount(NOW, "active", 40, 0.4), StageCount(NOW, "lapsed", 60, 0.6)),
        stage_moves=(),
        history=(StageCount(day, "active", 100, 1.0),),
    )


@pytest.fixture
def full(tmp_path: Path) -> Report:
    Picture.new("RGB", (1080, 1080), "#123456").save(tmp_path / "a.png")
    variant = _variant("a.png")
    statement = Statement(Kind.PRICE, "They choose dear things.", "usual price", 295, 195, 290, 300, "minor", 900)
    blocking = Finding("claims", Severity.BLOCKING, "headline 1", "no source", "bind it")
    books = Books(
        campaign="autumn",
        currency="GBP",
        balances=tuple(Balance(a, 100, 100, 0) for a in Account),
        entries=9,
        costs=5_000_00,
        margin=90_000_00,
        romi=Romi(1_000_00, -500_00, 2_500_00, 0.2, -0.1, 0.5, 0.95, Grade.RANDOMISED, True),
        roas=Roas(40_000_00, 8.0, Grade.MODEL, True),
        simulated=True,
    )
    row = {"impressions": 1000, "clicks": 20, "bot_clicks": 1, "cost_micros": 5_000_000, "conversions": 2}
    row |= {"revenue_minor": 4000, "refunded_minor": 0, "refunds": 0, "margin_minor": 1500, "ctr": 0.02}
    row |= {"cpa_minor": 250.0, "roas": 8.0, "channel": "meta_bulk", "variant_id": variant.variant_id}
    return replace(
        EMPTY,
        campaign=CAMPAIGN,
        ladder=Ladder(),
        stages=(StageLine("ingest", 100, 97, 2, 0.1, set_aside={"duplicates": 1}),),
        journey=_journey(),
        segments=(SEGMENT,),
        personas=(Persona(SEGMENT, "They come back.", (statement,)),),
        briefs=(
            Brief(
                "regulars", "People who come back", (Angle("value", "They compare."),), ("k",), (), (), ("cheap",)
            ),
        ),
        candidates=(
            Candidate(variant, variant.variant_id, 1, variant.digest, (), Status.APPROVED, NOW, "Ada", "", NOW),
            Candidate(replace(variant, angle="quality"), "x", 1, "d" * 64, (blocking,), Status.BLOCKED, NOW),
        ),
        pictures=tmp_path,
        power=(
            Verdict(Rung.SEGMENT, Rung.RELEVANT, None, 6, 1.0, 3.0, None, 9000, 500, 500, 100.0, "GBP"),
            Verdict(Rung.BROAD, Rung.NONE, None, 6, 1.0, 0.5, 2, 900, 500, 500, 100.0, "GBP"),
            Verdict(Rung.BROAD, Rung.NONE, "regulars", 6, 1.0, 0.5, 2, 900, 500, 500, 100.0, "GBP"),
        ),
        looks=(_look(1, promoted=False), _look(2, promoted=True)),
        performance={
            "total": [row],
            "channel": [row],
            "segment": [row | {"segment": "regulars"}],
            "variant_id": [row],
        },
        statement=books,
        irrelevance_rate=0.083,
        simulated=True,
        made_with={"version": "0.1.0"},
        notes=("Margins are assumed.",),
    )


class _Page(HTMLParser):
    """Collects ids, links, addresses and unbalanced tags."""

    VOID = frozenset({"meta", "link", "img", "br", "circle", "rect", "line", "path", "text"})

    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.targets: list[str] = []
        self.addresses: list[str] = []
        self.images: list[dict[str, str | None]] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        if named.get("id"):
            self.ids.append(str(named["id"]))
        for key in ("src", "href"):
            if named.get(key):
                (self.targets if str(named[key]).startswith("#") else self.addresses).append(str(named[key]))
        if tag == "img":
            self.images.append(named)
        if tag not in ("meta", "link", "img", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def _read(page: str) -> _Page:
    parser = _Page()
    parser.feed(page)
    assert parser.open == []
    return parser


@pytest.mark.parametrize("which", ["empty", "full"])
def test_the_page_is_whole_in_itself(full: Report, which: str) -> None:
    page = render_report(full if which == "full" else EMPTY)
    read = _read(page)
    assert all(a.startswith("data:") for a in read.addresses)
    assert "http://" not in re.sub(r"data:[^)\"']+", "", page)
    assert not re.search(r"url\((?!data:)", page)
    assert "<script" not in page
    assert {t[1:] for t in read.targets} <= set(read.ids)
    assert len(set(read.ids)) == len(read.ids)
    assert len(page.encode()) < 6_000_000


def test_words_from_outside_cannot_become_markup(full: Report) -> None:
    page = render_report(full)
    assert "Larkspur &amp; &lt;Finch&gt;" in page
    assert "<Finch>" not in page
    assert "Cake stands &lt;for&gt; you" in page


def test_the_same_report_gives_the_same_page(full: Report) -> None:
    assert render_report(full) == render_report(full)


def test_every_picture_is_embedded_with_its_alt_text(full: Report) -> None:
    images = _read(render_report(full)).images
    assert len(images) == 2
    assert all(str(i["src"]).startswith("data:image/jpeg") and i["alt"] == "A cake stand" for i in images)


def test_a_picture_that_is_gone_leaves_the_page_whole(full: Report, tmp_path: Path) -> None:
    (tmp_path / "a.png").unlink()
    assert "No pictures yet." in render_report(full)


def _section(page: str, name: str) -> str:
    found = re.search(rf'<section aria-labelledby="{name}">.*?</section>', page, re.DOTALL)
    assert found
    return found[0]


@pytest.mark.parametrize("name", ["summary", "next", "ladder", "channels", "books"])
def test_what_rests_on_the_simulated_market_is_marked(full: Report, name: str) -> None:
    assert "SIMULATED" in _section(render_report(full), name)
    assert "SIMULATED" not in _section(render_report(EMPTY), name)


@pytest.mark.parametrize("name", ["journey", "segments", "personas", "creatives", "checks"])
def test_what_rests_on_real_data_is_not(full: Report, name: str) -> None:
    assert "SIMULATED" not in _section(render_report(full), name)


def test_every_chart_of_simulated_numbers_is_marked(full: Report) -> None:
    page = render_report(full)
    for name in ("ladder", "channels", "books"):
        charts = re.findall(r"<svg.*?</svg>", _section(page, name), re.DOTALL)
        assert charts
        assert all("SIMULATED" in chart for chart in charts)


def test_the_page_tells_the_numbers(full: Report) -> None:
    page = render_report(full)
    for told in (
        "£1,000",
        "−£500.00 to £2,500",
        "8.3%",
        "randomised",
        "not known yet",
        "1 duplicates",
        "They compare.",
    ):
        assert told in page


@pytest.mark.parametrize(
    "missing",
    [
        {"looks": (), "statement": None, "performance": {}},
        {"candidates": (), "briefs": ()},
        {"journey": None},
        {"segments": (), "personas": ()},
        {"campaign": None, "ladder": None},
        {"power": ()},
        {"statement": None},
        {"pictures": None},
        {"stages": ()},
    ],
)
def test_any_part_may_be_missing(full: Report, missing: dict[str, object]) -> None:
    assert "</html>" in render_report(replace(full, **missing))


def test_the_brand_colours_the_page_but_stays_readable(full: Report) -> None:
    loud = replace(full, brand=replace(BRAND, colours=Colours(primary="#ffff00", accent="#ffffff")))
    page = render_report(loud)
    assert "--brand:#ffff00" not in page
    assert "--accent:#ffffff" not in page


def test_the_verdict_follows_the_promotions(full: Report) -> None:
    assert answer(full).tone == "yes"
    assert "Loyal regulars (segment)" in answer(full).text
    not_shown = replace(full, looks=(_look(2, promoted=False),))
    assert answer(not_shown).tone == "no"
    assert "moment" in answer(not_shown).text
    assert answer(replace(not_shown, looks=(_look(1, promoted=False),))).tone == "open"
    assert answer(EMPTY).tone == "open"
    assert "2 weeks" in answer(replace(full, looks=())).text


def test_uneven_lanes_take_the_verdict_back(full: Report) -> None:
    uneven = sample_ratio({"none": 900, "broad": 100}, {"none": 0.5, "broad": 0.5})
    broken = replace(full, looks=(replace(full.looks[-1], checks=(uneven,)),))
    assert answer(broken).tone == "open"
    assert any("uneven" in s.what for s in next_steps(broken))


def test_figures_carry_grades_and_only_made_up_ones_the_mark(full: Report) -> None:
    by = {f.label: f for f in figures(full)}
    assert by["Net incremental margin"].interval == "−£500.00 to £2,500"
    assert by["Net incremental margin"].grade == "randomised"
    assert by["Known customers"].simulated is False
    assert all(f.grade for f in by.values())
    assert figures(EMPTY) == ()


def test_next_steps_say_what_waits(full: Report) -> None:
    whats = " ".join(s.what for s in next_steps(full))
    assert "1 blocked" in whats
    assert "`moment`" in whats
    assert "irrelevance" in whats
    assert "1st order" in whats
    assert next_steps(EMPTY)[0].what == "Nothing is waiting."
