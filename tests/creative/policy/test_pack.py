"""Packs of wording rules: every example does as it says, countries and declared categories are minded."""

from dataclasses import replace
from pathlib import Path

import pytest

from omnimix.cli.checks import page
from omnimix.core.errors import InvalidInput
from omnimix.core.finding import Severity
from omnimix.creative.brief.make import make_briefs
from omnimix.creative.copy.write import write_variants
from omnimix.creative.policy.check import PolicyFacts
from omnimix.creative.policy.pack import WordingRule, check_packs, packs
from omnimix.creative.variant import Variant

RULES = [rule for pack in packs() for rule in pack.rules]


@pytest.fixture(scope="module")
def clean(shop) -> Variant:
    brief = make_briefs(shop.campaign, shop.brand, shop.products, (), bought=shop.bought)[0]
    return write_variants(brief, shop.campaign, shop.brand, seed=7)[0]


@pytest.fixture(scope="module")
def facts(shop) -> PolicyFacts:
    return shop.facts()


@pytest.mark.parametrize("rule", RULES, ids=lambda r: r.code)
def test_its_examples(rule: WordingRule) -> None:
    assert rule.found(rule.fails)
    assert rule.found(rule.passes) is None
    assert rule.source
    assert rule.fix


def test_no_example_that_passes_breaks_another_rule_of_its_pack() -> None:
    for pack in packs():
        for rule in pack.rules:
            assert [r.code for r in pack.rules if r.found(rule.passes)] == []


def test_codes_are_unique() -> None:
    assert len({r.code for r in RULES}) == len(RULES)


def codes(variant: Variant, facts: PolicyFacts, text: str, **campaign: object) -> set[tuple[str, Severity]]:
    said = replace(variant, descriptions=(text, *variant.descriptions[1:]))
    here = replace(facts, campaign=replace(facts.campaign, **campaign))
    return {(f.rule, f.severity) for f in check_packs(said, here)}


def test_clean_copy_breaks_no_rule_anywhere(clean: Variant, facts: PolicyFacts) -> None:
    assert codes(clean, facts, clean.descriptions[0], countries=()) <= {("eu.price_cut", Severity.WARNING)}


def test_a_rule_holds_in_its_countries(clean: Variant, facts: PolicyFacts) -> None:
    text = "Our eco-friendly mugs."
    assert codes(clean, facts, text, countries=("DE",), offer=None) >= {("eu.generic_green", Severity.BLOCKING)}
    assert ("us.generic_green", Severity.WARNING) in codes(clean, facts, text, countries=("US",))
    assert not {c for c, _ in codes(clean, facts, text, countries=("GB",))} & {
        "eu.generic_green",
        "us.generic_green",
    }


def test_a_declared_category_is_spared(clean: Variant, facts: PolicyFacts) -> None:
    text = "Buy now, pay later on every lamp."
    assert ("special.credit", Severity.BLOCKING) in codes(clean, facts, text)
    assert not codes(clean, facts, text, special_categories=("credit",))


def test_an_unknown_category_is_refused(facts: PolicyFacts) -> None:
    with pytest.raises(InvalidInput, match="no special category"):
        replace(facts.campaign, special_categories=("gambling",))


def test_the_page_of_the_docs_is_the_rules_in_force() -> None:
    made = (Path(__file__).parents[3] / "docs" / "checks.md").read_text("utf-8")
    assert made == page(packs()), "omnimix checks --markdown > docs/checks.md"
