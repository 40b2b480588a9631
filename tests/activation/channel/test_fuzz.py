"""Whatever the texts: an adapter refuses them with InvalidInput, or reads back exactly what it wrote."""

import hashlib
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from omnimix.activation.channel.audiences import list_place
from omnimix.activation.channel.email_files import EmailFiles
from omnimix.activation.channel.google_ads_editor import GoogleAdsEditor
from omnimix.activation.channel.meta_bulk import MetaBulk
from omnimix.activation.channel.microsoft_bulk import MicrosoftBulk
from omnimix.activation.channel.plan import Action, Change
from omnimix.activation.channel.resource import (
    AdGroupContent,
    AudienceContent,
    CampaignContent,
    DisplayAdContent,
    EmailContent,
    KeywordContent,
    Kind,
    Match,
    Network,
    Picture,
    Resource,
    SearchAdContent,
    SocialAdContent,
    Status,
)
from omnimix.core.errors import InvalidInput
from omnimix.core.money import Money
from omnimix.creative.campaign import Goal
from omnimix.testing.channel import ChannelSuite, expect_same

text = st.text(st.sampled_from("aé茶 =+-@'\"<>&|,;:[]{}\\/~#%\t\n\r\0"), max_size=8) | st.text(max_size=5)


def texts(least, most):
    return st.lists(text, min_size=least, max_size=most).map(tuple)


pictures = st.sampled_from(["a.png", "b/c.png"]).map(lambda path: Picture(path, SHA))
NETWORK = {GoogleAdsEditor: Network.DISPLAY, MetaBulk: Network.SOCIAL, MicrosoftBulk: Network.SEARCH}
CAMPAIGN = CampaignContent(
    "Plain", Network.SEARCH, Goal.SALES, Money(1, "GBP"), date(2027, 1, 1), date(2027, 1, 2), ("en",), ()
)
BYTES = b"picture"
SHA = hashlib.sha256(BYTES).hexdigest()
days = st.dates(date(2000, 1, 1), date(2099, 1, 1))
contents = {
    Kind.CAMPAIGN: st.builds(
        CampaignContent,
        name=text,
        network=st.sampled_from(Network),
        goal=st.sampled_from(Goal),
        daily_budget=st.builds(Money, st.integers(0, 10**9), st.just("GBP")),
        starts_on=days,
        ends_on=days,
        languages=st.lists(st.sampled_from(["en", "de", "xx"]), max_size=2, unique=True).map(tuple),
        countries=st.lists(st.sampled_from(["GB", "FR", "XX"]), max_size=2, unique=True).map(tuple),
    ),
    Kind.AD_GROUP: st.builds(AdGroupContent, name=text),
    Kind.AUDIENCE: st.builds(AudienceContent, list_name=text, excluded=st.booleans()),
    Kind.KEYWORD: st.builds(KeywordContent, text=text, match=st.sampled_from(Match)),
    Kind.SEARCH_AD: st.builds(
        SearchAdContent, headlines=texts(2, 16), descriptions=texts(1, 5), paths=texts(0, 3), final_url=text
    ),
    Kind.DISPLAY_AD: st.builds(
        DisplayAdContent,
        headlines=texts(1, 6),
        long_headline=text,
        descriptions=texts(1, 5),
        business_name=text,
        call_to_action=st.sampled_from(["SHOP_NOW", "GET_OFFER", "x"]),
        landscape=pictures,
        square=pictures,
        final_url=text,
    ),
    Kind.SOCIAL_AD: st.builds(
        SocialAdContent,
        name=text,
        primary_text=text,
        headline=text,
        description=text,
        call_to_action=st.sampled_from(["SHOP_NOW", "GET_OFFER", "x"]),
        picture=pictures,
        final_url=text,
    ),
    Kind.EMAIL: st.builds(
        EmailContent,
        subject=text,
        preheader=text,
        heading=text,
        body=texts(0, 3),
        call_to_action=st.sampled_from(["SHOP_NOW", "GET_OFFER"]),
        hero=st.none() | pictures,
        hero_alt=text,
        final_url=text,
        send_to=texts(0, 2),
        keep_out=texts(0, 2),
    ),
}


@pytest.mark.parametrize("adapter", [GoogleAdsEditor, MetaBulk, MicrosoftBulk, EmailFiles])
@settings(max_examples=25, phases=[Phase.explicit, Phase.generate])
@given(data=st.data())
def test_texts_are_refused_or_read_back_exactly(adapter, data, tmp_path_factory):
    setup = ChannelSuite().setup_in(tmp_path_factory.mktemp("fuzz"))
    for path in ("a.png", "b/c.png"):
        (setup.pictures / path).parent.mkdir(parents=True, exist_ok=True)
        (setup.pictures / path).write_bytes(BYTES)
    channel = adapter(setup)
    written = []

    def write(key, parent, content):
        resource = Resource(key, parent, content, data.draw(st.sampled_from(Status)))
        try:
            channel.write(Change(Action.CREATE, resource), idempotency_key=key)
        except InvalidInput:
            return False
        written.append(resource)
        return True

    def put(key, parent, content, plainly):
        """The drawn content, or a plain one when it is refused, so that children have a parent."""
        return write(key, parent, content) or write(key, parent, plainly)

    def draw(kind):
        return data.draw(contents[kind])

    if adapter is EmailFiles:
        write("c/email/e", None, draw(Kind.EMAIL))
    else:
        assert put("c/n", None, draw(Kind.CAMPAIGN), replace(CAMPAIGN, network=NETWORK[adapter]))
        kinds = sorted(channel.supports - {Kind.CAMPAIGN, Kind.AD_GROUP})
        below = [("c/n", Kind.AUDIENCE)]
        assert put("c/n/g", "c/n", draw(Kind.AD_GROUP), AdGroupContent("Plain"))
        below += [("c/n/g", kind) for kind in kinds]
        for parent, kind in below:
            content = draw(kind)
            place = list_place(content.list_name) if isinstance(content, AudienceContent) else kind.value
            write(f"{parent}/{place}", parent, content)
    # A list folded into an ad set has no status of its own.
    found = [Resource(r.key, r.parent, r.content) if r.kind is Kind.AUDIENCE else r for r in channel.read()]
    wanted = [Resource(r.key, r.parent, r.content) if r.kind is Kind.AUDIENCE else r for r in written]
    expect_same(found, wanted, "after writing")
