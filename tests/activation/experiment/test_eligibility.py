"""Eligibility: the columnar rules agree with a slow reading of the words, one person at a time."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omnimix.activation.experiment.eligibility import (
    ALWAYS,
    IRRELEVANT,
    Audience,
    Eligibility,
    Offering,
    Person,
    Reason,
    allowed,
    blocking,
    excluded,
    excluded_one,
    irrelevance_rate,
    offerings,
    reasons,
)
from omnimix.activation.experiment.ladder import Rung
from omnimix.core.money import Money
from omnimix.creative.variant import EmailCopy, Variant
from omnimix.data.product import Product

IDS = ["a", "b", "c"]
PRICE = st.one_of(st.none(), st.floats(1, 10_000))
PERSON = st.builds(
    Person,
    profile_id=st.text("xyz", min_size=1, max_size=4),
    consents=st.frozensets(st.sampled_from(["advertising", "email"])),
    language=st.sampled_from(["", "en", "en-US", "de"]),
    country=st.sampled_from(["", "GB", "FR"]),
    bought=st.frozensets(st.sampled_from(IDS)),
    price_low=PRICE,
    price_high=PRICE,
    impressions=st.integers(0, 12),
)
OFFERING = st.builds(
    Offering,
    variant_id=st.text("v1", min_size=1, max_size=4),
    language=st.sampled_from(["en-GB", "de-DE"]),
    countries=st.frozensets(st.sampled_from(["GB", "FR"])),
    leading=st.one_of(st.none(), st.sampled_from(IDS)),
    in_stock=st.booleans(),
    price_low=PRICE,
    price_high=PRICE,
)
RULES = st.builds(
    Eligibility,
    impressions_per_week=st.integers(1, 10),
    price_factor=st.floats(1, 10),
    purpose=st.sampled_from(["advertising", "email"]),
)


def oracle(person, offer, rules):
    """The rules as the documentation says them."""
    low, high = person.price_low, person.price_high
    cheapest, dearest = offer.price_low, offer.price_high
    too_dear = None not in (high, cheapest) and cheapest > high * rules.price_factor
    too_cheap = None not in (low, dearest) and dearest * rules.price_factor < low
    holds = {
        "no_consent": rules.purpose not in person.consents,
        "frequency_cap": rules.impressions_per_week and person.impressions >= rules.impressions_per_week,
        "bought": offer.leading is not None and offer.leading in person.bought,
        "out_of_stock": not offer.in_stock,
        "language": person.language and person.language[:2] != offer.language[:2],
        "region": person.country and offer.countries and person.country not in offer.countries,
        "price": too_dear or too_cheap,
    }
    return {reason for reason, true in holds.items() if true}


def audience_of(people):
    pairs = [(i, product) for i, p in enumerate(people) for product in sorted(p.bought)]
    purposes = ("advertising", "email")
    return Audience(
        profile_ids=[p.profile_id for p in people],
        consents={k: np.array([k in p.consents for p in people], dtype=bool) for k in purposes},
        languages=np.array([p.language for p in people], dtype=np.str_),
        countries=np.array([p.country for p in people], dtype=np.str_),
        bought_rows=np.array([i for i, _ in pairs], dtype=np.int64),
        bought_products=np.array([b for _, b in pairs], dtype=np.str_),
        price_low=np.array([np.nan if p.price_low is None else p.price_low for p in people]),
        price_high=np.array([np.nan if p.price_high is None else p.price_high for p in people]),
        impressions=np.array([p.impressions for p in people], dtype=np.int64),
    )


@given(st.lists(PERSON, max_size=8), st.lists(OFFERING, max_size=4), RULES)
@settings(max_examples=100)
def test_columns_one_person_and_the_words_agree(people, offers, rules):
    codes = excluded(audience_of(people), offers, rules)
    assert codes.shape == (len(people), len(offers))
    for i, person in enumerate(people):
        for j, offer in enumerate(offers):
            assert set(reasons(int(codes[i, j]))) == oracle(person, offer, rules)
            assert int(excluded_one(person, offer, rules)) == codes[i, j]


@given(st.lists(PERSON, min_size=1, max_size=6))
@settings(max_examples=25)
def test_a_row_of_the_audience_is_the_person(people):
    audience = audience_of(people)
    assert [audience.person(i) for i in range(len(audience))] == people


@given(st.integers(0, sum(Reason)), st.sampled_from(list(Rung)))
@settings(max_examples=100)
def test_consent_and_cap_hold_everywhere_and_relevance_only_above_broad(code, rung):
    may = bool(allowed(np.array([code], dtype=np.uint32), rung)[0])
    if code & ALWAYS:
        assert not may
    elif rung is Rung.BROAD:
        assert may
    else:
        assert may == (not code & IRRELEVANT)


def test_no_one_without_consent_is_shown_anything_even_when_the_purpose_was_never_asked():
    audience = audience_of([Person("p", consents=frozenset({"email"}))])
    offer = Offering("v", "en", frozenset(), None, True, None, None)
    codes = excluded(audience, [offer], Eligibility(purpose="something else"))
    assert reasons(int(codes[0, 0])) == ("no_consent",)
    assert not any(allowed(codes, rung).any() for rung in Rung)


def test_every_reason_is_either_always_or_irrelevance():
    assert int(ALWAYS | IRRELEVANT) == sum(int(r) for r in Reason)
    assert blocking(Rung.BROAD) == ALWAYS
    assert blocking(Rung.MOMENT) == ALWAYS | IRRELEVANT


def test_irrelevance_rate_counts_showings_not_flags():
    shown = np.array([0, Reason.BOUGHT | Reason.PRICE, Reason.NO_CONSENT, 0], dtype=np.uint32)
    assert irrelevance_rate(shown) == 0.25
    assert irrelevance_rate(shown[:0]) == 0.0


def product(product_id, minor, *, in_stock=True):
    return Product(product_id, product_id, "home", Money(minor, "GBP"), 0.4, in_stock, None, None, None, "t")


def variant(*product_ids):
    return Variant(
        "c", "broad", "value", 0, ("Hello",), ("There",), "Hello there", "Hi", "SHOP_NOW",
        EmailCopy("s", "p", ("b",)), (), product_ids, "https://x.test/", (),
    )  # fmt: skip


def test_an_offering_speaks_for_its_leading_product_and_the_prices_it_shows():
    made = offerings(
        [variant("a", "b"), variant("b"), variant("gone"), variant()],
        [product("a", 500), product("b", 90, in_stock=False)],
        language="en-GB",
        countries=["GB"],
    )
    assert [(o.leading, o.in_stock, o.price_low, o.price_high) for o in made] == [
        ("a", True, 90.0, 500.0),
        ("b", False, 90.0, 90.0),
        ("gone", False, None, None),
        (None, True, None, None),
    ]


@pytest.mark.parametrize("count", [0, 1])
def test_empty_sides_make_empty_tables(count):
    audience = audience_of([Person("p")] * count)
    assert excluded(audience, [], Eligibility()).shape == (count, 0)
