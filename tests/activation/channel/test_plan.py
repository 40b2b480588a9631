import json
import random
from dataclasses import replace
from datetime import date

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnimix.activation.channel.limits import Limits, limit_findings
from omnimix.activation.channel.plan import Action, Change, Plan, make_plan, plan_from_plain, plan_plain
from omnimix.activation.channel.resource import (
    AdGroupContent,
    CampaignContent,
    KeywordContent,
    Kind,
    Match,
    Network,
    Resource,
    Status,
    from_plain,
    plain,
)
from omnimix.core.errors import Conflict, InvalidInput
from omnimix.core.finding import Severity
from omnimix.core.hashing import canonical_json
from omnimix.core.money import Money
from omnimix.creative.campaign import Goal
from omnimix.testing.channel import example_resources

EVERY = frozenset(Kind)


def campaign(key="c/search", budget=1000, **others):
    content = CampaignContent(
        key,
        Network.SEARCH,
        Goal.SALES,
        Money(budget, "GBP"),
        date(2027, 1, 1),
        date(2027, 2, 1),
        ("en",),
        (),
    )
    return Resource(key, None, content, **others)


@st.composite
def trees(draw, root="c"):
    """A campaign's resources: up to two campaigns, three ad groups, a few keywords, any statuses."""
    found = []
    status = st.sampled_from(Status)
    for net in draw(st.sets(st.sampled_from(["search", "display"]))):
        top = campaign(f"{root}/{net}", draw(st.integers(0, 3)), status=draw(status))
        found.append(top)
        for brief in draw(st.sets(st.sampled_from("abc"))):
            group = Resource(
                f"{top.key}/{brief}", top.key, AdGroupContent(draw(st.text("xy", max_size=2))), draw(status)
            )
            found.append(group)
            for word in draw(st.sets(st.sampled_from("pq"))):
                content = KeywordContent(word, draw(st.sampled_from(Match)))
                found.append(Resource(f"{group.key}/{word}", group.key, content, draw(status)))
    return found


def carried_out(plan: Plan, live):
    """What a faithful platform holds afterwards: refuses orphans, and parents that still have children."""
    held = {r.key: r for r in live}
    for change in plan.changes:
        key = change.subject.key
        if change.action is Action.CREATE:
            assert key not in held
            assert change.subject.parent is None or change.subject.parent in held
            held[key] = change.subject
        elif change.action is Action.UPDATE:
            assert held[key] == change.before
            held[key] = change.subject
        else:
            assert not [k for k in held if held[k].parent == key]
            del held[key]
    return list(held.values())


@given(trees(), trees(), trees(root="other"))
def test_carrying_out_a_plan_gives_what_is_desired_and_then_nothing_is_left(desired, live, other):
    plan = make_plan("x", desired, live + other, campaign="c", supports=EVERY)
    after = carried_out(plan, live + other)
    before = {r.key: r for r in live}
    kept_status = [replace(r, status=before[r.key].status) if r.key in before else r for r in desired]
    assert sorted(map(repr, after)) == sorted(map(repr, kept_status + other))
    assert plan_from_plain(json.loads(canonical_json(plan_plain(plan)))) == plan
    again = make_plan("x", desired, after, campaign="c", supports=EVERY)
    assert again.changes == ()
    assert again.unchanged == len(desired)


@given(trees(), trees(), st.randoms(use_true_random=False))
def test_the_order_of_what_is_given_does_not_matter(desired, live, rng: random.Random):
    plan = make_plan("x", desired, live, campaign="c", supports=EVERY)
    rng.shuffle(desired)
    rng.shuffle(live)
    again = make_plan("x", desired, live, campaign="c", supports=EVERY)
    assert again == plan
    assert again.digest == plan.digest


def test_the_digest_tells_any_difference():
    plan = make_plan("x", [campaign()], [], campaign="c", supports=EVERY)
    others = [
        make_plan("y", [campaign()], [], campaign="c", supports=EVERY),
        make_plan("x", [campaign(budget=1001)], [], campaign="c", supports=EVERY),
        make_plan("x", [campaign(status=Status.ENABLED)], [], campaign="c", supports=EVERY),
        make_plan("x", [campaign()], [campaign(budget=1)], campaign="c", supports=EVERY),
        make_plan("x", [], [campaign()], campaign="c", supports=EVERY),
        make_plan("x", [campaign()], [campaign()], campaign="c", supports=EVERY),
    ]
    assert len({p.digest for p in (plan, *others)}) == 7


def test_refusals():
    group = Resource("c/search/a", "c/search", AdGroupContent("a"))
    with pytest.raises(InvalidInput, match="cannot hold a ad_group"):
        make_plan("x", [campaign(), group], [], campaign="c", supports=frozenset({Kind.CAMPAIGN}))
    with pytest.raises(InvalidInput, match="no parent"):
        make_plan("x", [group], [], campaign="c", supports=EVERY)
    with pytest.raises(InvalidInput, match="not of campaign"):
        make_plan("x", [campaign("d/search")], [], campaign="c", supports=EVERY)
    with pytest.raises(InvalidInput, match="more than once"):
        make_plan("x", [campaign(), campaign(budget=2)], [], campaign="c", supports=EVERY)
    with pytest.raises(Conflict, match="more than once"):
        make_plan("x", [], [campaign(), campaign()], campaign="c", supports=EVERY)
    with pytest.raises(Conflict, match="cannot become"):
        make_plan("x", [campaign()], [replace(group, key="c/search", parent=None)], campaign="c", supports=EVERY)


def test_every_resource_reads_back_from_plain_values_exactly(tmp_path):
    for resource in example_resources(EVERY, pictures=tmp_path):
        assert from_plain(msgspec.json.decode(msgspec.json.encode(plain(resource)))) == resource


def rules(plan, budget=1000, limits=None):
    return {(f.rule, f.severity) for f in limit_findings(plan, limits or Limits(), budget=Money(budget, "GBP"))}


def keywords(n):
    return [Resource(f"c/search/a/k{i}", "c/search/a", KeywordContent(f"k{i}", Match.PHRASE)) for i in range(n)]


def test_a_first_paused_plan_within_budget_is_safe():
    group = Resource("c/search/a", "c/search", AdGroupContent("a"))
    plan = make_plan("x", [campaign(), group, *keywords(100)], [], campaign="c", supports=EVERY)
    assert rules(plan) == set()


def test_over_budget_and_not_paused_block():
    plan = make_plan("x", [campaign(budget=1001)], [], campaign="c", supports=EVERY)
    assert rules(plan) == {("limit.budget", Severity.BLOCKING)}
    plan = make_plan("x", [campaign(budget=600), campaign("c/display", 600)], [], campaign="c", supports=EVERY)
    assert rules(plan) == {("limit.budget", Severity.BLOCKING)}
    plan = make_plan("x", [campaign(status=Status.ENABLED)], [], campaign="c", supports=EVERY)
    assert rules(plan) == {("limit.paused", Severity.BLOCKING)}


def test_what_a_person_turned_on_may_be_updated():
    on = campaign(budget=900, status=Status.ENABLED)
    plan = make_plan("x", [campaign(budget=800)], [on], campaign="c", supports=EVERY)
    assert plan.changes == (Change(Action.UPDATE, replace(campaign(budget=800), status=Status.ENABLED), on),)
    assert rules(plan) == set()


@pytest.mark.parametrize(("after", "severity"), [(1240, Severity.WARNING), (1260, Severity.BLOCKING)])
def test_raised_spend(after, severity):
    plan = make_plan("x", [campaign(budget=after)], [campaign(budget=1000)], campaign="c", supports=EVERY)
    assert rules(plan, budget=2000) == {("limit.spend", severity)}


@pytest.mark.parametrize(
    ("removed", "found"),
    [
        (0, set()),
        (20, {("limit.removals", Severity.WARNING)}),
        (30, {("limit.removals", Severity.BLOCKING)}),
        (60, {("limit.removals", Severity.BLOCKING), ("limit.share", Severity.BLOCKING)}),
    ],
)
def test_removals_and_shares(removed, found):
    group = Resource("c/search/a", "c/search", AdGroupContent("a"))
    live = [campaign(), group, *keywords(98)]
    plan = make_plan("x", live[: len(live) - removed], live, campaign="c", supports=EVERY)
    assert rules(plan) == found


def test_limits_cannot_be_negative():
    with pytest.raises(InvalidInput, match="negative"):
        Limits(change_share=-0.1)
