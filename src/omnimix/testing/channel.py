"""The conformance suite of channel adapters: what every adapter must do, examined from outside.

in   an adapter: subclass `ChannelSuite`, and say how to make it
out  a verdict: its `test_…` methods raise AssertionError with what is wrong

    class TestMyChannel(ChannelSuite):
        def make(self, setup):
            return MyChannel(setup)

`make` is called again on the same Setup to see that what was written lasts. An adapter that may share its account
with others also overrides `plant_foreign`.
"""

import contextlib
import hashlib
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import date
from pathlib import Path

from omnimix.activation.channel.desired import desired
from omnimix.activation.channel.plan import Action, Change, Plan, make_plan
from omnimix.activation.channel.port import Channel, Setup
from omnimix.activation.channel.resource import (
    CampaignContent,
    DisplayAdContent,
    EmailContent,
    KeywordContent,
    Kind,
    Match,
    Resource,
    SearchAdContent,
    SocialAdContent,
    Status,
)
from omnimix.activation.experiment.ladder import Rung
from omnimix.core.errors import InvalidInput, OmnimixError, Unavailable
from omnimix.core.money import Money
from omnimix.creative.brand import Brand
from omnimix.creative.campaign import Campaign, Goal
from omnimix.creative.variant import EmailCopy, Image, Variant

CURRENCY = "GBP"
BRAND = Brand(
    name="Example & Söhne",
    website="https://shop.example",
    promise="Small things for the home.",
    sells="gifts for the home",
    postal_address="1 High Street, York",
    unsubscribe_url="https://shop.example/unsubscribe",
    sender="Example <hello@shop.example>",
)
CAMPAIGN = Campaign(
    key="spring",
    name="Spring gifts",
    goal=Goal.SALES,
    channels=("examined",),
    daily_budget="25.01",
    starts_on=date(2027, 3, 1),
    ends_on=date(2027, 4, 30),
    landing_page="https://shop.example/spring?from=ad#top",
    languages=("en",),
    countries=("GB", "IE"),
)


def example_variant(brief: str, *, pictures: Path, words: str = "gift") -> Variant:
    """A variant with all words and pictures; its texts hold what breaks careless adapters."""
    return Variant(
        campaign=CAMPAIGN.key,
        brief=brief,
        angle="discovery",
        step=0,
        headlines=("=1+1 is two", "'Quoted' from the start", *(f"A {words} No. {i}, “nice”" for i in range(13))),
        descriptions=('-5 °C outside, "warm" inside', "@home; one, two | three", "+ more", "Für Käse & Tee 茶"),
        long_headline=f"One long headline about a {words}, with a comma and 'quotes'",
        primary_text=f"A {words} for <b>everybody</b> & then some; yes, really",
        call_to_action="GET_OFFER",
        email=EmailCopy("A subject & more", "A preheader", ("First <paragraph>.", "Second, with 'quotes' & £5.")),
        keywords=(f"{words} shop", f"blue {words}", "-minus", "Cake  Stand"),
        product_ids=("1", "2"),
        final_url=CAMPAIGN.landing_page,
        claims=(),
        images=tuple(_image(size, f"{brief}-{words}", pictures) for size in ("landscape", "square")),
    )


def _image(size: str, name: str, pictures: Path) -> Image:
    content = f"picture {size} {name}".encode()
    file = pictures / "creatives" / f"{name}-{size}.png"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    path = str(file.relative_to(pictures))
    return Image(size, 1200, 628, path, hashlib.sha256(content).hexdigest(), f"A {name}", 7.0, with_photo=False)


def example_resources(
    supports: frozenset[Kind], *, pictures: Path, words: str = "gift", promoted: bool = False
) -> tuple[Resource, ...]:
    """What `desired` asks of a channel that supports those kinds: a broad and a segment brief."""
    return desired(
        CAMPAIGN,
        [example_variant(brief, pictures=pictures, words=words) for brief in ("broad", "loyal-regulars")],
        channel="examined",
        supports=supports,
        budget=Money.parse(CAMPAIGN.daily_budget, CURRENCY),
        business_name=BRAND.name,
        promoted={"loyal-regulars": Rung.SEGMENT} if promoted else {},
    )


def expect(holds: bool, otherwise: str) -> None:
    """Raise AssertionError with what is wrong unless it holds."""
    if not holds:
        raise AssertionError(otherwise)


def expect_same(found: Iterable[Resource], wanted: Iterable[Resource], when: str) -> None:
    """The same resources, each as often, whatever their order."""
    a, b = Counter(found), Counter(wanted)
    expect(
        a == b,
        f"{when}: the channel shows {list((a - b).elements())} too much and lacks {list((b - a).elements())}",
    )


class ChannelSuite:
    """Subclass it and override `make`; pytest runs the rest."""

    def make(self, setup: Setup) -> Channel:
        """The adapter under examination, on a Setup of its own."""
        raise NotImplementedError

    def plant_foreign(self, channel: Channel, setup: Setup) -> Callable[[], object] | None:
        """Put something that is not ours into the account; return how to look at it. None: it is not shared."""
        del channel, setup
        return None

    def setup_in(self, folder: Path) -> Setup:
        """A Setup under a temporary folder."""
        return Setup(folder=folder / "channels", pictures=folder / "out", brand=BRAND, currency=CURRENCY)

    def prepared(self, folder: Path) -> tuple[Setup, Channel, tuple[Resource, ...]]:
        """A Setup, the adapter, and resources that fit it."""
        setup = self.setup_in(folder)
        channel = self.make(setup)
        return setup, channel, example_resources(channel.supports, pictures=setup.pictures)

    def test_it_has_a_name_and_supports_some_ad(self, tmp_path: Path) -> None:
        _, channel, resources = self.prepared(tmp_path)
        expect(bool(channel.name), "the channel has no name")
        expect(bool(resources), "the channel supports no kind of ad")

    def test_a_new_channel_is_empty(self, tmp_path: Path) -> None:
        _, channel, _ = self.prepared(tmp_path)
        expect_same(channel.read(), (), "before anything was written")

    def test_what_is_written_is_read_back_whole(self, tmp_path: Path) -> None:
        setup, channel, resources = self.prepared(tmp_path)
        self.fill(channel, resources)
        expect_same(channel.read(), resources, "after writing")
        expect_same(self.make(setup).read(), resources, "in another session")

    def test_everything_is_created_paused(self, tmp_path: Path) -> None:
        _, channel, resources = self.prepared(tmp_path)
        self.fill(channel, resources)
        on = [r.key for r in channel.read() if r.status is not Status.PAUSED]
        expect(not on, f"created as paused, but is on: {on}")

    def test_the_same_key_a_second_time_changes_nothing(self, tmp_path: Path) -> None:
        setup, channel, resources = self.prepared(tmp_path)
        keys = self.fill(channel, resources)
        self.fill(channel, resources)
        expect_same(channel.read(), resources, "after writing twice with the same keys")
        first = self.leaf(resources)
        later = changed(first)
        channel.write(Change(Action.UPDATE, later, first), idempotency_key="later")
        expected = [later if r.key == first.key else r for r in resources]
        for one in (channel, self.make(setup)):
            one.write(Change(Action.CREATE, first), idempotency_key=keys[first.key])
            expect_same(one.read(), expected, "an old key written again must not bring back the old content")

    def test_an_update_replaces_only_its_subject(self, tmp_path: Path) -> None:
        _, channel, resources = self.prepared(tmp_path)
        self.fill(channel, resources)
        for before in resources:
            channel.write(Change(Action.UPDATE, changed(before), before), idempotency_key=f"update {before.key}")
        expect_same(channel.read(), map(changed, resources), "after updating everything")

    def test_a_removal_removes_only_its_subject(self, tmp_path: Path) -> None:
        setup, channel, resources = self.prepared(tmp_path)
        self.fill(channel, resources)
        gone = self.leaf(resources)
        left = [r for r in resources if r != gone]
        channel.write(Change(Action.REMOVE, gone, gone), idempotency_key="remove")
        expect_same(channel.read(), left, "after a removal")
        with contextlib.suppress(InvalidInput):
            channel.write(Change(Action.REMOVE, gone, gone), idempotency_key="remove again")
        expect_same(self.make(setup).read(), left, "after removing what is gone already")
        channel.write(Change(Action.CREATE, gone), idempotency_key="create again")
        expect_same(self.make(setup).read(), resources, "after creating again what was removed")

    def test_a_plan_applied_leaves_nothing_to_plan(self, tmp_path: Path) -> None:
        setup, channel, resources = self.prepared(tmp_path)
        other = example_resources(channel.supports, pictures=setup.pictures, words="lamp", promoted=True)
        for number, wanted in enumerate((resources, other, resources, ())):
            plan = self.plan(channel, wanted)
            expect(bool(plan.changes), f"round {number}: nothing to change")
            for change in plan.changes:
                channel.write(change, idempotency_key=f"round {number} {change.name}")
            expect_same(channel.read(), wanted, f"round {number}")
            left = self.plan(channel, wanted).changes
            expect(not left, f"round {number}: still to change: {[c.name for c in left]}")

    def test_a_kind_it_does_not_support_is_refused(self, tmp_path: Path) -> None:
        setup, channel, resources = self.prepared(tmp_path)
        self.fill(channel, resources)
        parents = {r.kind: r.key for r in resources}
        for kind in set(Kind) - channel.supports:
            stranger = next(
                r for r in example_resources(frozenset(Kind), pictures=setup.pictures) if r.kind is kind
            )
            placed = replace(stranger, parent=parents.get(Kind.AD_GROUP), key="spring/stranger")
            self.refused(channel, Change(Action.CREATE, placed), f"a {kind}, which it does not support")
        expect_same(channel.read(), resources, "after refusing")

    def test_a_child_without_its_parent_is_refused(self, tmp_path: Path) -> None:
        _, channel, resources = self.prepared(tmp_path)
        for orphan in (r for r in resources if r.parent):
            self.refused(channel, Change(Action.CREATE, orphan), f"{orphan.key} without its parent")
        expect_same(channel.read(), (), "after refusing orphans")

    def test_a_missing_or_changed_picture_is_refused(self, tmp_path: Path) -> None:
        setup, channel, resources = self.prepared(tmp_path)
        shown = [r for r in resources if r.kind in (Kind.DISPLAY_AD, Kind.SOCIAL_AD, Kind.EMAIL)]
        if not shown or not self.takes_pictures():
            return
        without = [r for r in resources if r not in shown]
        self.fill(channel, without)
        for file in (setup.pictures / "creatives").iterdir():
            file.write_bytes(b"another picture")
        for resource in shown:
            self.refused(channel, Change(Action.CREATE, resource), "a picture that was changed after approval")
        expect_same(channel.read(), without, "after refusing changed pictures")

    def test_what_is_not_ours_is_left_alone(self, tmp_path: Path) -> None:
        setup, channel, resources = self.prepared(tmp_path)
        self.fill(channel, resources)
        look = self.plant_foreign(channel, setup)
        if look is None:
            return
        before = look()
        fresh = self.make(setup)
        expect_same(fresh.read(), resources, "beside what is not ours")
        for resource in sorted(resources, key=lambda r: (-r.kind.rank, -r.key.count("/"))):
            fresh.write(Change(Action.REMOVE, resource, resource), idempotency_key=f"remove {resource.key}")
        expect_same(fresh.read(), (), "after removing everything of ours")
        expect(look() == before, f"what is not ours was {before!r} and is {look()!r}")

    def takes_pictures(self) -> bool:
        """Whether the adapter carries picture files (a simulated one may only know of them)."""
        return True

    def fill(self, channel: Channel, resources: Iterable[Resource]) -> dict[str, str]:
        """Create the resources in order; the keys used."""
        keys = {}
        for resource in resources:
            keys[resource.key] = f"create {resource.key}"
            channel.write(Change(Action.CREATE, resource), idempotency_key=keys[resource.key])
        return keys

    def plan(self, channel: Channel, wanted: Iterable[Resource]) -> Plan:
        """The plan from what is live to what is wanted."""
        return make_plan(channel.name, wanted, channel.read(), campaign=CAMPAIGN.key, supports=channel.supports)

    def leaf(self, resources: Iterable[Resource]) -> Resource:
        """A resource without children."""
        return max(resources, key=lambda r: r.kind.rank)

    def refused(self, channel: Channel, change: Change, what: str) -> None:
        """The change must raise InvalidInput, or Unavailable, and nothing else."""
        try:
            channel.write(change, idempotency_key=f"refused {change.name}")
        except (InvalidInput, Unavailable):
            return
        except OmnimixError as error:
            raise AssertionError(f"{what} must raise InvalidInput, not {type(error).__name__}") from error
        raise AssertionError(f"{what} was not refused")


def changed(resource: Resource) -> Resource:
    """The same resource with other content."""
    content = resource.content
    if isinstance(content, CampaignContent):
        fewer = Money(content.daily_budget.minor - 1, content.daily_budget.currency)
        return replace(resource, content=replace(content, daily_budget=fewer, countries=("GB",)))
    if isinstance(content, KeywordContent):
        return replace(resource, content=replace(content, match=Match.EXACT))
    if isinstance(content, EmailContent):
        return replace(resource, content=replace(content, subject="Another subject", hero=None, hero_alt=""))
    if isinstance(content, SearchAdContent | DisplayAdContent | SocialAdContent):
        return replace(resource, content=replace(content, final_url="https://shop.example/other"))
    return resource
