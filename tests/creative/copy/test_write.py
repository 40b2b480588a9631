"""The writer: limits, grammar, claims, diversity and repeatability, for the demo shop and for odd catalogues."""

import re
from collections import Counter
from dataclasses import replace
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omnimix.core.errors import InvalidInput
from omnimix.core.finding import is_blocked
from omnimix.core.money import Money
from omnimix.creative.brand import Brand
from omnimix.creative.brief.brief import BROAD
from omnimix.creative.brief.make import make_briefs
from omnimix.creative.brief.personal import personal_wordings
from omnimix.creative.campaign import Campaign, Goal
from omnimix.creative.copy.columns import columns
from omnimix.creative.copy.frame import frames
from omnimix.creative.copy.pick import overlap
from omnimix.creative.copy.say import LIMITS, Editor, say
from omnimix.creative.copy.scene import make_scene
from omnimix.creative.copy.write import BuiltInWriter, write_variants
from omnimix.creative.policy.check import PolicyFacts, run_checks, texts
from omnimix.creative.policy.checks import CHECKS
from omnimix.creative.variant import Variant
from omnimix.data.product import Product

PARTS = ("headline", "description")
ANGLE_FAMILIES = (
    "discovery", "popular", "value", "occasion", "quality", "convenience", "loyalty", "win_back", "plenty",
)  # fmt: skip


def _keeps_limits(variant: Variant) -> None:
    assert len(variant.headlines) >= 15
    assert len(variant.descriptions) >= 4
    widths = ((variant.headlines, 30), (variant.descriptions, 90), ((variant.long_headline,), 90))
    for lines, limit in (*widths, ((variant.primary_text,), 125), ((variant.email.subject,), 60)):
        assert all(0 < columns(line) <= limit for line in lines)
    assert columns(variant.email.preheader) <= 90
    assert 3 <= len(variant.email.body) <= 5
    for lines in (variant.headlines, variant.descriptions):
        assert len({line.casefold() for line in lines}) == len(lines)


@pytest.fixture(scope="module")
def written(shop) -> dict[str, tuple[Variant, ...]]:
    briefs = make_briefs(shop.campaign, shop.brand, shop.products, shop.personas, bought=shop.bought)
    return {b.key: BuiltInWriter().write(b, shop.campaign, shop.brand, seed=7) for b in briefs}


def test_every_variant_keeps_every_limit(written) -> None:
    for variants in written.values():
        assert [v.step for v in variants] == [0, 1, 2]
        assert len({v.angle for v in variants}) == 3
        for variant in variants:
            _keeps_limits(variant)


def test_policy_finds_nothing_to_say(shop, written) -> None:
    found = [f for variants in written.values() for v in variants for f in run_checks(v, shop.facts(), CHECKS)]
    assert found == []


def test_nothing_tells_readers_what_is_known_about_them(written) -> None:
    for variants in written.values():
        for variant in variants:
            assert not any(personal_wordings(text) for _, text in texts(variant))


def test_only_the_last_step_makes_the_offer(written) -> None:
    for introduce, prove, offer in written.values():
        assert "15% off" in offer.headlines[0]
        assert offer.call_to_action == "GET_OFFER"
        assert any("AUTUMN15" in text for _, text in texts(offer))
        for variant in (introduce, prove):
            assert not any("15%" in text or "AUTUMN15" in text for _, text in texts(variant))


def test_headlines_are_diverse(written) -> None:
    for variants in written.values():
        for variant in variants:
            words = [frozenset(re.findall(r"[\w'-]+", h.lower())) for h in variant.headlines]
            assert max(overlap(a, b) for a, b in combinations(words, 2)) < 0.8
            openings = Counter(" ".join(h.lower().split()[:2]) for h in variant.headlines)
            assert max(openings.values()) <= 2


def test_briefs_read_differently(written) -> None:
    leads = [variants[0].headlines[0] for variants in written.values()]
    assert len(set(leads)) == len(leads)
    for (_, one), (_, other) in combinations(written.items(), 2):
        a, b = ({h for v in x for h in v.headlines} for x in (one, other))
        assert len(a & b) / len(a | b) < 0.6


def test_the_same_arguments_give_the_same_words_and_another_seed_may_not(shop) -> None:
    brief = make_briefs(shop.campaign, shop.brand, shop.products, (), bought=shop.bought)[0]
    one, again, other = (write_variants(brief, shop.campaign, shop.brand, seed=s) for s in (1, 1, 2))
    assert one == again
    assert one != other


def test_goals_set_the_call(shop) -> None:
    for goal, call in ((Goal.LEADS, "SIGN_UP"), (Goal.TRAFFIC, "LEARN_MORE")):
        campaign = replace(shop.campaign, goal=goal)
        brief = make_briefs(campaign, shop.brand, shop.products, (), bought=shop.bought)[0]
        assert {v.call_to_action for v in write_variants(brief, campaign, shop.brand, seed=3)} == {call}


def test_there_are_frames_enough_for_every_angle() -> None:
    for part, least in (("headline", 25), ("description", 12)):
        families = Counter(f.family for f in frames()[part])
        for angle in ANGLE_FAMILIES:
            assert families[angle] + families["safe"] + families["shared"] >= least


def test_no_frame_is_dead(shop) -> None:
    """Every frame that fits its width somewhere in the demo shop gives a clean line there."""
    briefs = make_briefs(shop.campaign, shop.brand, shop.products, shop.personas, bought=shop.bought)
    families = frozenset(f.family for part in frames().values() for f in part)
    fitting, clean = set(), set()
    for brief in briefs:
        scene = make_scene(brief, shop.campaign, shop.brand)
        editor = Editor(scene, ())
        for lines in say(scene, LIMITS, families).values():
            for line in lines:
                fitting.add(line.frame)
                if line.frame not in clean and editor.accepts(line):
                    clean.add(line.frame)
    assert {f.text for f in fitting - clean} == set()
    assert len(clean) > 250


def test_other_languages_are_refused_with_a_next_step(shop) -> None:
    brief = make_briefs(shop.campaign, shop.brand, shop.products, (), bought=shop.bought)[0]
    with pytest.raises(InvalidInput, match="English"):
        write_variants(brief, shop.campaign, replace(shop.brand, language="de-DE"), seed=1)


def test_too_little_to_write_from_is_an_error_not_bad_text(shop) -> None:
    brief = make_briefs(shop.campaign, shop.brand, shop.products, (), bought=shop.bought)[0]
    gagged = replace(brief, avoid=("a", "the", "and", "in", "what", "where", "you", "look", "good", "our"))
    with pytest.raises(InvalidInput, match="without breaking a rule") as caught:
        write_variants(gagged, shop.campaign, shop.brand, seed=1)
    assert caught.value.fix


NAMES = st.one_of(
    st.sampled_from(
        (
            "WHITE HANGING HEART T-LIGHT HOLDER", "Egg cup", "SET OF 3 CAKE TINS 22720", "杯子 mug", "Ülkü vase",
            "iPhone case", "Best mug ever", "Keep calm and carry on", "x", "Mug (large, blue)",
            "Pack of 24 napkins",
            "A very long name " * 6,
            "LED LAMP 12W", "O'Brien's jug", "Hour glass", "Only 3 left!", "Trousers", "Party bunting",
            "{name}", "Free mug",
        )
    ),
    st.text(min_size=1, max_size=50),
)  # fmt: skip


@st.composite
def catalogues(draw: st.DrawFn) -> tuple[Product, ...]:
    names = draw(st.lists(NAMES, min_size=1, max_size=10))
    found = []
    for place, name in enumerate(names):
        minor = draw(st.one_of(st.none(), st.integers(0, 200_000)))
        currency = draw(st.sampled_from(("GBP", "EUR", "JPY", "CHF")))
        category = draw(st.sampled_from(("Kitchen", "Lighting & candles", "other", "", "杂物", "Bags", "MISC")))
        description = draw(
            st.one_of(st.none(), st.sampled_from(("A cup for eggs.", "the BEST mug", "It's 5 cm tall", "")))
        )
        price = None if minor is None else Money(minor, currency)
        found.append(
            Product(
                f"p{place}",
                name,
                category,
                price,
                None,
                place == 0 or draw(st.booleans()),
                None,
                None,
                description,
                "x",
            )
        )
    return tuple(found)


@settings(max_examples=25)
@given(
    catalogue=catalogues(),
    brand=st.builds(
        Brand,
        name=st.sampled_from(("Wickerwren", "Q", "The Extraordinarily Long Shop Name Ltd", "Studio 54",
            "eBay", "ACME")),
        website=st.just("https://shop.example"),
        promise=st.sampled_from(("Small things, well made.", "", "We are the best!", "Gifts for 3 generations")),
        sells=st.sampled_from(("gifts for the home", "electronics",
            "An awful lot of very different things for the house")),
        sender=st.just("shop"), postal_address=st.just("1 Lane"), unsubscribe_url=st.just("https://shop.example/u"),
    ),
    with_offer=st.booleans(), buyers=st.integers(0, 2000), seed=st.integers(0, 99),
)  # fmt: skip
def test_odd_catalogues_give_clean_copy(shop, catalogue, brand, with_offer: bool, buyers: int, seed: int) -> None:
    campaign: Campaign = shop.campaign if with_offer else replace(shop.campaign, offer=None)
    if not any(p.in_stock and p.name.strip() for p in catalogue):
        return
    bought = {BROAD: {p.product_id: buyers for p in catalogue}}
    facts = PolicyFacts(
        brand, campaign, {p.product_id: p for p in catalogue}, bought[BROAD], campaign.starts_on, campaign.channels
    )
    for brief in make_briefs(campaign, brand, catalogue, (), bought=bought):
        for variant in write_variants(brief, campaign, brand, seed=seed):
            _keeps_limits(variant)
            findings = run_checks(variant, facts, CHECKS)
            assert not is_blocked(findings), findings
