"""The simulated ad account: durable, repeatable, paused until a person turns it on."""

from datetime import date
from pathlib import Path

import pytest

from omnimix.activation.channel.plan import Action, Change, make_plan
from omnimix.activation.channel.port import Channel, Setup
from omnimix.activation.channel.resource import (
    AdGroupContent,
    CampaignContent,
    Kind,
    Network,
    Resource,
    SearchAdContent,
    Status,
)
from omnimix.core.errors import InvalidInput
from omnimix.core.money import Money
from omnimix.creative.brand import Brand
from omnimix.creative.campaign import Goal
from omnimix.testing.channel import ChannelSuite
from omnimix.testing.simulator import Simulator

DAY = date(2026, 11, 2)
CAMPAIGN = Resource(
    "spring/search",
    None,
    CampaignContent("Spring", Network.SEARCH, Goal.SALES, Money(1500, "GBP"), DAY, DAY, ("en",), ("GB",)),
)
GROUP = Resource("spring/search/broad", "spring/search", AdGroupContent("Broad"))


def ad(variant, place):
    url = f"https://shop.test/?utm_source=x&utm_content={variant}"
    return Resource(f"{GROUP.key}/{place}", GROUP.key, SearchAdContent(("Hello",), ("There",), (), url))


DESIRED = (CAMPAIGN, GROUP, ad("v1", "one"), ad("v2", "two"))


@pytest.fixture
def setup(tmp_path: Path) -> Setup:
    return Setup(tmp_path / "simulator", tmp_path, Brand(name="B", website="w", promise="p", sells="s"), "GBP")


def planned(account, desired=DESIRED):
    return make_plan("simulator", desired, account.read(), campaign="spring", supports=frozenset(Kind))


def apply(account, plan):
    for i, change in enumerate(plan.changes):
        account.write(change, idempotency_key=f"{plan.digest}:{i}")


def test_what_was_written_is_there_for_another_process_and_a_second_plan_is_empty(setup):
    apply(Simulator(setup), planned(Simulator(setup)))
    again = Simulator(setup)
    assert sorted(again.read(), key=lambda r: r.key) == sorted(DESIRED, key=lambda r: r.key)
    assert planned(again).changes == ()


def test_the_same_key_a_second_time_changes_nothing(setup):
    account = Simulator(setup)
    plan = planned(account)
    apply(account, plan)
    before = (setup.folder / "simulator.jsonl").read_bytes()
    apply(account, plan)
    apply(Simulator(setup), plan)
    assert (setup.folder / "simulator.jsonl").read_bytes() == before


def test_nothing_is_live_until_a_person_switches_it_on(setup):
    account = Simulator(setup)
    apply(account, planned(account))
    assert account.live_variants("spring") == frozenset()
    assert account.weekly_budget_minor("spring") == 0
    assert account.switch_on("spring") == 4
    assert account.switch_on("spring") == 0
    assert account.live_variants("spring") == {"v1", "v2"}
    assert account.weekly_budget_minor("spring") == 7 * 1500
    assert account.live_variants("autumn") == frozenset()
    assert planned(account).changes == ()  # the person's status is kept
    assert {r.status for r in Simulator(setup).read()} == {Status.ENABLED}


def test_removed_ads_are_live_no_longer(setup):
    account = Simulator(setup)
    apply(account, planned(account))
    account.switch_on("spring")
    apply(account, planned(account, DESIRED[:3]))
    assert account.live_variants("spring") == {"v1"}


def test_two_processes_see_each_others_changes(setup):
    one, two = Simulator(setup), Simulator(setup)
    apply(one, planned(one))
    assert len(list(two.read())) == 4
    two.switch_on("spring")
    assert one.live_variants("spring") == {"v1", "v2"}


def test_a_line_cut_off_by_a_crash_is_as_if_never_written(setup):
    account = Simulator(setup)
    plan = planned(account)
    apply(account, plan)
    path = setup.folder / "simulator.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole[:-7])
    after = Simulator(setup)
    assert len(list(after.read())) == 3
    apply(after, plan)
    assert path.read_bytes() == whole


def test_what_makes_no_sense_is_refused(setup):
    account = Simulator(setup)
    with pytest.raises(InvalidInput, match="there is no"):
        account.write(Change(Action.CREATE, GROUP), idempotency_key="1")
    with pytest.raises(InvalidInput, match="there is no"):
        account.write(Change(Action.UPDATE, CAMPAIGN, CAMPAIGN), idempotency_key="2")
    apply(account, planned(account))
    with pytest.raises(InvalidInput, match="children"):
        account.write(Change(Action.REMOVE, CAMPAIGN, CAMPAIGN), idempotency_key="3")
    (setup.folder / "simulator.jsonl").write_text("not ours\n", "utf-8")
    with pytest.raises(InvalidInput, match="cannot be read"):
        list(Simulator(setup).read())


class TestConformance(ChannelSuite):
    """The simulator keeps the contract that every channel keeps."""

    def make(self, setup: Setup) -> Channel:
        return Simulator(setup)

    def takes_pictures(self) -> bool:
        return False  # it knows of pictures and has nobody to show them to
