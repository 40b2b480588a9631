from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnimix.activation.channel.audiences import own_lists
from omnimix.activation.channel.desired import desired, key_of, split_budget, tagged_url
from omnimix.activation.channel.google_ads_editor import GoogleAdsEditor
from omnimix.activation.channel.registry import installed, load
from omnimix.activation.channel.resource import (
    AudienceContent,
    CampaignContent,
    EmailContent,
    Kind,
    Network,
    Status,
)
from omnimix.activation.experiment.ladder import Rung
from omnimix.core.errors import InvalidInput, NotFound
from omnimix.core.money import Money
from omnimix.testing.channel import BRAND, CAMPAIGN, ChannelSuite, example_resources, example_variant

EVERY = frozenset(Kind)


def test_one_campaign_a_network_a_group_a_brief_an_ad_a_variant_all_paused(tmp_path):
    found = example_resources(EVERY, pictures=tmp_path)
    counts = {k: sum(r.kind is k for r in found) for k in Kind}
    assert counts[Kind.CAMPAIGN] == 3
    assert counts[Kind.AD_GROUP] == 6
    assert counts[Kind.SEARCH_AD] == counts[Kind.DISPLAY_AD] == counts[Kind.SOCIAL_AD] == counts[Kind.EMAIL] == 2
    assert {r.status for r in found} == {Status.PAUSED}
    assert len({r.key for r in found}) == len(found)
    assert all(r.parent is None or r.parent in {p.key for p in found} for r in found)
    budgets = [r.content.daily_budget.minor for r in found if isinstance(r.content, CampaignContent)]
    assert sum(budgets) == 2501


def test_holdouts_are_kept_out_and_lanes_stay_apart(tmp_path):
    for promoted in (False, True):
        found = example_resources(EVERY, pictures=tmp_path, promoted=promoted)
        for network in (Network.SEARCH, Network.DISPLAY, Network.SOCIAL):
            lists = {}
            for r in found:
                if isinstance(r.content, AudienceContent) and f"/{network}" in r.key:
                    lists.setdefault((r.parent, r.content.excluded), set()).add(r.content.list_name)
            root = f"spring/{network}"
            assert "omnimix spring lane=none" in lists[root, True]
            targeted, kept_out = lists[f"{root}/loyal-regulars", False], lists[f"{root}/broad", True]
            assert targeted == kept_out
            assert any("lane=follow" in name for name in targeted) is promoted
        mails = {
            r.key.split("/")[2].split("-")[0]: r.content for r in found if isinstance(r.content, EmailContent)
        }
        assert all("omnimix spring lane=none" in m.keep_out for m in mails.values())
        assert set(mails["loyal"].send_to) <= set(mails["broad"].keep_out)


@given(st.sampled_from([None, *Rung]))
def test_a_segment_follows_only_what_is_its_own(rung):
    names = own_lists("c", "s", promoted={"s": rung} if rung else {})
    assert any("lane=follow" in n for n in names) is (rung in (Rung.SEGMENT, Rung.SEQUENCE, Rung.MOMENT))
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    "url",
    ["https://a.example", "https://a.example/p?x=1&x=2&utm_source=old#top", "https://a.example/ü?q=a%20b&empty="],
)
def test_urls_keep_their_own_query_and_lead_back_to_the_variant(url):
    made = tagged_url(url, source="google", medium="cpc", campaign="c&d", content="v 1")
    was, now = urlsplit(url), urlsplit(made)
    assert (now.netloc, now.path, now.fragment) == (was.netloc, was.path, was.fragment)
    query = parse_qs(now.query, keep_blank_values=True)
    ours = {k: v for k, v in query.items() if k.startswith("utm_")}
    assert ours == {
        "utm_source": ["google"],
        "utm_medium": ["cpc"],
        "utm_campaign": ["c&d"],
        "utm_content": ["v 1"],
    }
    theirs = parse_qs(was.query, keep_blank_values=True)
    theirs.pop("utm_source", None)
    assert {k: v for k, v in query.items() if not k.startswith("utm_")} == theirs
    assert tagged_url(made, source="google", medium="cpc", campaign="c&d", content="v 1") == made


@given(st.integers(0, 10**6), st.integers(1, 7))
def test_a_split_budget_adds_up(minor, n):
    parts = split_budget(Money(minor, "GBP"), [str(i) for i in range(n)])
    assert sum(p.minor for p in parts.values()) == minor
    assert max(p.minor for p in parts.values()) - min(p.minor for p in parts.values()) <= 1


def test_keys_stay_short_and_distinct():
    long = [key_of("spring", "search", "x" * 90 + str(i)) for i in range(5)]
    assert len(set(long)) == 5
    assert max(map(len, long)) <= 70
    with pytest.raises(InvalidInput, match="shorter"):
        key_of("x" * 80, "search")
    with pytest.raises(InvalidInput, match="semicolon"):
        key_of("a;b", "search")


def test_a_missing_picture_is_one_clear_error(tmp_path):
    bare = replace(example_variant("broad", pictures=tmp_path), images=())
    values = {"budget": Money(1, "GBP"), "business_name": "x", "channel": "meta_bulk"}
    with pytest.raises(InvalidInput, match="has no landscape picture"):
        desired(CAMPAIGN, [bare], supports=EVERY, **values)
    only_text = frozenset({Kind.CAMPAIGN, Kind.AD_GROUP, Kind.SEARCH_AD, Kind.EMAIL})
    assert desired(CAMPAIGN, [bare], supports=only_text, **values)


def test_nothing_approved_means_nothing_desired():
    assert desired(CAMPAIGN, [], channel="x", supports=EVERY, budget=Money(1, "GBP"), business_name="x") == ()
    with pytest.raises(InvalidInput, match="no kind of ad"):
        desired(CAMPAIGN, [], channel="x", supports=frozenset(), budget=Money(1, "GBP"), business_name="x")


def test_adapters_are_found_by_name_and_a_wrong_name_lists_them(tmp_path):
    setup = ChannelSuite().setup_in(tmp_path)
    assert {"google_ads_editor", "meta_bulk", "microsoft_bulk", "email_files"} <= set(installed())
    assert isinstance(load("google_ads_editor", setup), GoogleAdsEditor)
    for name in ("google_ads_editor", "meta_bulk", "microsoft_bulk", "email_files"):
        assert load(name, setup).name == name
    with pytest.raises(NotFound, match="meta_bulk"):
        load("gogle", setup)
    assert BRAND.name
