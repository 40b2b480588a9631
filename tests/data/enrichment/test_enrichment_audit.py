"""Enrichment: planted accuracy is recovered, prices decide, and what nobody can check is not used."""

import datetime as dt
import math
from collections.abc import Sequence

import ibis
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omnimix.core.errors import InvalidInput
from omnimix.core.grade import Grade
from omnimix.data.enrichment.audit import (
    Comparison,
    EnrichmentRules,
    TraitAudit,
    Verdict,
    judged,
    usable_traits,
    wilson,
)
from omnimix.data.enrichment.compare import compared, suppliers, truths
from omnimix.data.enrichment.fit import fit_audits, meaning
from omnimix.store.facts import EVENT, ORDER_LINE, TRAIT
from omnimix.store.warehouse import Warehouse

AT = dt.datetime(2026, 1, 1)
Row = tuple[str, str, str, str | None]  # profile, trait, value, provider


def trait_rows(rows: Sequence[Row]) -> ibis.Table:
    records = [
        {
            "trait_id": f"t{i:04}",
            "person_key": f"user:{profile}",
            "trait": trait,
            "value": value,
            "source": provider or "shop",
            "provider": provider,
            "observed_at": AT + dt.timedelta(days=i),
            "confidence": None,
        }
        for i, (profile, trait, value, provider) in enumerate(rows)
    ]
    table = pa.Table.from_pylist(records, schema=TRAIT.to_pyarrow())
    return ibis.memtable(table.append_column("profile_id", pa.array([r[0] for r in rows], pa.string())))


def line_rows(rows: Sequence[tuple[str, str]]) -> ibis.Table:
    records = [
        {
            "line_id": f"l{i}",
            "source": "shop",
            "order_id": f"o{i}",
            "person_key": None,
            "occurred_at": AT,
            "product_id": "p",
            "description": None,
            "quantity": 1,
            "amount_minor": 100,
            "currency": "GBP",
            "country": country,
            "kind": "sale",
        }
        for i, (_profile, country) in enumerate(rows)
    ]
    table = pa.Table.from_pylist(records, schema=ORDER_LINE.to_pyarrow())
    return ibis.memtable(table.append_column("profile_id", pa.array([r[0] for r in rows], pa.string())))


def no_events() -> ibis.Table:
    return ibis.memtable(EVENT.to_pyarrow().empty_table().append_column("profile_id", pa.array([], pa.string())))


def audits(
    warehouse: Warehouse,
    traits: Sequence[Row],
    lines: Sequence[tuple[str, str]] = (),
    *,
    price: float | None = None,
    worth: float = 100.0,
    rules: EnrichmentRules | None = None,
    profiles: int = 1000,
) -> tuple[TraitAudit, ...]:
    rules = rules or EnrichmentRules()
    table = trait_rows(traits)
    return fit_audits(
        warehouse.arrow(compared(table, line_rows(lines), no_events(), names=rules.names)),
        warehouse.arrow(suppliers(table)),
        profiles=profiles,
        prices={"Datahouse": price},
        worth_minor=worth,
        worth_assumed=False,
        rules=rules,
    )


def planted(right: float, count: int, seed: int) -> list[Row]:
    """People who said which of two they are, three to two, and a provider that is right by lot at that rate."""
    rng = np.random.default_rng(seed)
    said = np.where(rng.random(count) < 0.6, "female", "male")
    claim = np.where(rng.random(count) < right, said, np.where(said == "female", "male", "female"))
    rows: list[Row] = []
    for i, (truth, bought) in enumerate(zip(said.tolist(), claim.tolist(), strict=True)):
        rows += [(f"p{i}", "gender", truth, None), (f"p{i}", "gender", bought, "Datahouse")]
    return rows


@pytest.mark.parametrize(
    ("right", "price", "verdict"),
    [
        (0.42, None, Verdict.BELOW),  # worse than the best guess, even as a present
        (0.95, 10.0, Verdict.USED),
        (0.95, 60.0, Verdict.BELOW),  # right, and too dear
        (0.80, 15.0, Verdict.UNSURE),  # break-even inside the interval
    ],
)
def test_planted_accuracy_is_judged_by_its_price(
    warehouse: Warehouse, right: float, price: float | None, verdict: Verdict
) -> None:
    (audit,) = audits(warehouse, planted(right, 600, 1), price=price)
    assert (audit.provider, audit.trait, audit.covered, audit.compared) == ("Datahouse", "gender", 600, 600)
    assert audit.low is not None
    assert audit.high is not None
    assert audit.guess is not None
    assert audit.agreement == pytest.approx(right, abs=4 * math.sqrt(right * (1 - right) / 600))
    assert audit.low < audit.agreement < audit.high
    assert audit.guess == pytest.approx(0.6, abs=0.05)
    assert audit.break_even == pytest.approx(audit.guess + (price or 0) / 100)
    assert audit.verdict is verdict
    assert ("not used" in audit.text) == (verdict is not Verdict.USED)
    assert audit.coverage == 0.6


def test_gain_is_zero_at_break_even() -> None:
    given_ = {"worth_assumed": True, "rules": EnrichmentRules(), "worth_minor": 100.0}
    audit = judged("d", "t", Comparison(200, 200, 200, 160, 0.5, "said"), price_minor=30.0, **given_)
    assert audit.break_even == pytest.approx(0.8)
    assert audit.gain_minor == pytest.approx(0.0)
    assert audit.grade is Grade.ASSUMED, "a worth that nobody measured makes an assumed gain"
    dear = judged("d", "t", Comparison(200, 200, 200, 200, 0.5, "said"), price_minor=60.0, **given_)
    assert dear.verdict is Verdict.BELOW
    assert "no accuracy would pay" in dear.text


def test_too_few_comparisons_cannot_be_known(warehouse: Warehouse) -> None:
    (few,) = audits(warehouse, planted(1.0, 29, 1))
    assert few.verdict is Verdict.UNKNOWN
    assert "cannot be checked" in few.text
    nobody_said = [(f"p{i}", "income", "high", "Datahouse") for i in range(500)]
    (unknown,) = audits(warehouse, nobody_said)
    assert (unknown.verdict, unknown.compared, unknown.agreement) == (Verdict.UNKNOWN, 0, None)


def test_what_people_do_is_a_truth_too(warehouse: Warehouse) -> None:
    """Orders tell the country; what people said comes before it; names of a country are one country."""
    traits: list[Row] = [(f"p{i}", "country", "Germany" if i % 4 else "France", "Datahouse") for i in range(80)]
    traits += [("p0", "country", "FR", None)]
    lines = [(f"p{i}", "DE") for i in range(80)] + [("p1", "FR")]
    (audit,) = audits(warehouse, traits, lines)
    assert (audit.compared, audit.agreeing, audit.truth) == (80, 61, "orders, said")
    rows = warehouse.arrow(truths(trait_rows(traits), line_rows(lines), no_events()))
    known = {r["profile_id"]: (r["value"], r["origin"]) for r in rows.to_pylist()}
    assert known["p0"] == ("FR", "said")
    assert known["p1"] == ("DE", "orders"), "of two equally frequent the first by the alphabet"


def test_only_paid_and_right_traits_are_usable(warehouse: Warehouse) -> None:
    rows = planted(0.95, 200, 2) + [(f"p{i}", "income", "high", "Datahouse") for i in range(200)]
    found = audits(warehouse, rows)
    assert {a.trait: a.verdict for a in found} == {"gender": Verdict.USED, "income": Verdict.UNKNOWN}
    kept = warehouse.arrow(usable_traits(trait_rows(rows), found)).to_pylist()
    assert {(r["trait"], r["provider"]) for r in kept} == {("gender", None), ("gender", "Datahouse")}
    alone = warehouse.arrow(usable_traits(trait_rows(rows), ())).to_pylist()
    assert {r["provider"] for r in alone} == {None}, "what was never audited is not used"


def test_the_same_rows_in_any_order_and_old_claims(warehouse: Warehouse) -> None:
    rows = planted(0.8, 60, 3)
    assert audits(warehouse, rows) == audits(warehouse, [*rows[1::2], *rows[::2]])
    again = [*rows, *((p, t, "female", prov) for p, t, _v, prov in rows if prov)]
    (newest,) = audits(warehouse, again)
    assert newest.covered == 60, "a provider's newest word counts, and each person once"
    assert newest.agreeing == sum(v == "female" for _p, _t, v, prov in rows if prov is None)


@pytest.mark.parametrize(
    ("trait", "one", "other", "same"),
    [
        ("country", "UK", "GB", True),
        ("country", "Deutschland", "DE", True),
        ("country", "Atlantis", "GB", False),
        ("language", "en-GB", "EN", True),
        ("age", "34", "31", True),
        ("age", "36", "31", False),
        ("children", "yes", "1", True),
        ("income", "50000", "50000.0", True),
        ("city", " Leeds", "leeds", True),
    ],
)
def test_values_agree_when_they_mean_the_same(trait: str, one: str, other: str, same: bool) -> None:
    rules = EnrichmentRules(bands={"age": (18.0, 25.0, 35.0)})
    assert (meaning(trait, one, rules) == meaning(trait, other, rules)) is same


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_holds_the_share_and_narrows(pair: tuple[int, int]) -> None:
    hits, n = pair
    low, high = wilson(hits, n, confidence=0.95)
    assert 0 <= low <= hits / n <= high <= 1
    wider = wilson(hits, n, confidence=0.99)
    assert wider[0] <= low
    assert high <= wider[1]
    # The interval's ends are where the score test just rejects: (p̂ - p)² = z² p(1-p)/n.
    for end in (low, high):
        if 0 < end < 1 and 0 < hits < n:
            assert (hits / n - end) ** 2 == pytest.approx(1.959964**2 * end * (1 - end) / n, rel=1e-4)
    assert not math.isnan(low)


def test_intervals_cover_the_planted_accuracy_as_often_as_they_say() -> None:
    rng = np.random.default_rng(5)
    hits = rng.binomial(120, 0.42, 2000)
    inside = sum(low <= 0.42 <= high for low, high in (wilson(int(h), 120, confidence=0.95) for h in hits))
    assert 0.93 <= inside / 2000 <= 0.97


@pytest.mark.parametrize(
    "given_",
    [{"worth_minor": 0}, {"lift": 0}, {"confidence": 1}, {"least_comparisons": 0}, {"bands": {"a": (2, 1)}}],
)
def test_rules_that_make_no_sense_are_refused(given_: dict[str, object]) -> None:
    with pytest.raises(InvalidInput, match="→"):
        EnrichmentRules(**given_)
