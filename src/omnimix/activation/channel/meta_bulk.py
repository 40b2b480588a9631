"""The `meta_bulk` channel: a CSV file that Meta Ads Manager imports (Export & import › Import ads in bulk).

in   changes
out  `meta_bulk.csv`: one row an ad with its campaign and ad set, and the pictures to upload with it in
     `meta_bulk_images`

Columns: the header row of Meta's own import template as of 2025 (no official list of columns is published; Meta
renames some from time to time, so compare with an export of the account). Our ad group is Meta's ad set. Names end
in `[omnimix:<key>]`; `Tags` carries languages and the lists that the whole campaign keeps out, because Meta knows
both only in ad sets.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, time

from omnimix.activation.channel.audiences import list_place
from omnimix.activation.channel.bulk_file import (
    LABEL,
    BulkFile,
    Held,
    Holding,
    PictureReader,
    Row,
    picture_name,
    plain_cell,
    safe_cell,
)
from omnimix.activation.channel.plan import Change
from omnimix.activation.channel.port import Setup
from omnimix.activation.channel.resource import (
    AdGroupContent,
    AudienceContent,
    CampaignContent,
    Kind,
    Network,
    Resource,
    SocialAdContent,
    Status,
)
from omnimix.activation.channel.words import amount, meaning, money, word
from omnimix.core.errors import InvalidInput
from omnimix.creative.campaign import Goal

COLUMNS = tuple(
    c.strip()
    for c in """
Campaign ID, Campaign Name, Special Ad Categories, Special Ad Category Country, Campaign Status,
Campaign Objective, Buying Type, Campaign Spend Limit,
Campaign Daily Budget, Campaign Lifetime Budget, Campaign Bid Strategy, Tags,
Campaign Start Time, Campaign Stop Time, New Objective, Buy With Prime Type,
Is Budget Scheduling Enabled For Campaign, Campaign High Demand Periods, Buy With Integration Partner, Ad Set ID,
Ad Set Run Status, Ad Set Lifetime Impressions, Ad Set Name, Ad Set Time Start, Ad Set Time Stop,
Ad Set Daily Budget, Destination Type, Ad Set Lifetime Budget, Use Accelerated Delivery,
Is Budget Scheduling Enabled For Ad Set, Ad Set High Demand Periods, Link Object ID,
Optimized Conversion Tracking Pixels, Optimized Event, Link, Countries, Cities, Regions, Zip, Location Types,
Age Min, Age Max, Gender, Custom Audiences, Excluded Custom Audiences, Flexible Inclusions, Targeting Relaxation,
Brand Safety Inventory Filtering Levels, Optimization Goal, Attribution Spec, Billing Event, Ad Set Bid Strategy,
Bid Amount, Ad ID, Ad Status, Preview Link, Instagram Preview Link, Ad Name, Title, Body, Optimize text per person,
Conversion Tracking Pixels, Image Hash, Image File Name, Creative Type, Video ID, Video File Name,
Instagram Account ID, Call to Action, URL Tags, Display Link, Link Description, Additional Custom Tracking Specs,
Video Retargeting, Permalink, Use Page as Actor, Degrees of Freedom Type, Text Transformations
""".replace("\n", " ").split(",")
)
_STATUS = {Status.PAUSED: "PAUSED", Status.ENABLED: "ACTIVE"}
_REMOVED = "ARCHIVED"
_OBJECTIVE = {
    Goal.TRAFFIC: "Outcome Traffic",
    Goal.LEADS: "Outcome Leads",
    Goal.SALES: "Outcome Sales",
}
_OPTIMISE = {Goal.TRAFFIC: "LINK_CLICKS", Goal.LEADS: "OFFSITE_CONVERSIONS", Goal.SALES: "OFFSITE_CONVERSIONS"}
_ATTRIBUTION = '[{"event_type":"CLICK_THROUGH","window_days":7},{"event_type":"VIEW_THROUGH","window_days":1}]'
_LISTED_ACTIONS = """
LEARN_MORE SHOP_NOW SIGN_UP SUBSCRIBE DOWNLOAD GET_OFFER GET_QUOTE BOOK_NOW APPLY_NOW CONTACT_US BUY_NOW ORDER_NOW
DONATE_NOW SEE_MORE WATCH_MORE NO_BUTTON
"""
_ACTION = {c: c for c in _LISTED_ACTIONS.split()}
_NAMED = re.compile(rf"(?s)(.*) \[{LABEL}:([^\]]+)\]")


class MetaBulk:
    """Holds social campaigns as rows of a file; see the module."""

    name = "meta_bulk"
    supports = frozenset({Kind.CAMPAIGN, Kind.AD_GROUP, Kind.AUDIENCE, Kind.SOCIAL_AD})

    def __init__(self, setup: Setup) -> None:
        form = _MetaForm(setup.currency)
        self._file = BulkFile(setup.folder, self.name, form, supports=self.supports, pictures=setup.pictures)

    def read(self) -> Iterator[Resource]:
        """Our resources in the file."""
        return self._file.read()

    def write(self, change: Change, *, idempotency_key: str) -> None:
        """Put one change into the file."""
        self._file.write(change, idempotency_key=idempotency_key)


@dataclass
class _Branch:
    """A campaign with its ad sets, or an ad set with its ads, and the lists of each."""

    entry: Held
    children: "list[_Branch]" = field(default_factory=list)
    lists: list[AudienceContent] = field(default_factory=list)


class _MetaForm:
    columns = COLUMNS
    head: tuple[Row, ...] = ()
    encoding = "utf-8"

    def __init__(self, currency: str) -> None:
        self.currency = currency

    def rows(self, held: Holding) -> Iterator[Row]:
        for campaign in _tree(held):
            shared = self._campaign_cells(campaign)
            if not campaign.children:
                yield _safe(shared)
            for group in campaign.children:
                both = shared | _group_cells(campaign, group)
                if not group.children:
                    yield _safe(both)
                for ad in group.children:
                    yield _safe(both | _ad_cells(ad.entry))

    def _campaign_cells(self, branch: _Branch) -> Row:
        resource = branch.entry.resource
        content = resource.content
        if not isinstance(content, CampaignContent):
            raise InvalidInput("an ad set lies outside a campaign", where=f"meta_bulk: {resource.key}")
        tags = [LABEL, *(f"language={code}" for code in content.languages)]
        tags += [f"keep-out={a.list_name}" for a in branch.lists]
        return {
            "Campaign Name": _named(content.name, resource.key),
            "Special Ad Categories": "NONE",
            "Campaign Status": _status(branch.entry),
            "Campaign Objective": _OBJECTIVE[content.goal],
            "Buying Type": "AUCTION",
            "Campaign Daily Budget": amount(
                content.daily_budget, self.currency, where=f"meta_bulk: {resource.key}"
            ),
            "Campaign Bid Strategy": "Highest volume or value",
            "Tags": " | ".join(tags),
            "Campaign Start Time": _clock(content.starts_on, time(0, 0)),
            "Campaign Stop Time": _clock(content.ends_on, time(23, 59)),
            "New Objective": "Yes",
            "Countries": ", ".join(content.countries),
        }

    def held(self, rows: Sequence[Row], picture: PictureReader) -> tuple[dict[str, Held], list[Row]]:
        held: dict[str, Held] = {}
        foreign: list[Row] = []
        for raw in rows:
            row = {c: plain_cell(t) for c, t in raw.items()}
            campaign = _NAMED.fullmatch(row["Campaign Name"])
            if not campaign:
                foreign.append(raw)
                continue
            where = f"meta_bulk.csv: {campaign[2]}"
            try:
                for entry in self._entries(row, campaign[1], campaign[2], picture, where=where):
                    held[entry.resource.key] = entry
            except ValueError as error:
                raise InvalidInput(
                    f"a cell cannot be read: {error}", where=where, fix="restore the file"
                ) from None
        return held, foreign

    def _entries(self, row: Row, name: str, key: str, picture: PictureReader, *, where: str) -> Iterator[Held]:
        tags = row["Tags"].split(" | ")
        kept_out = [t.removeprefix("keep-out=") for t in tags if t.startswith("keep-out=")]
        yield _held(key, None, self._campaign(row, name, tags, where=where), row["Campaign Status"], where=where)
        for listed in kept_out:
            yield _listed(key, listed, excluded=True)
        group = _NAMED.fullmatch(row["Ad Set Name"])
        if not group:
            return
        yield _held(group[2], key, AdGroupContent(group[1]), row["Ad Set Run Status"], where=where)
        for listed in _split(row["Custom Audiences"]):
            yield _listed(group[2], listed, excluded=False)
        for listed in _split(row["Excluded Custom Audiences"]):
            if listed not in kept_out:
                yield _listed(group[2], listed, excluded=True)
        ad = _NAMED.fullmatch(row["Ad Name"])
        if ad:
            yield _held(ad[2], group[2], _ad(row, ad[1], picture), row["Ad Status"], where=where)

    def _campaign(self, row: Row, name: str, tags: list[str], *, where: str) -> CampaignContent:
        return CampaignContent(
            name=name,
            network=Network.SOCIAL,
            goal=meaning(_OBJECTIVE, row["Campaign Objective"], where=where),
            daily_budget=money(row["Campaign Daily Budget"], self.currency, where=where),
            starts_on=_day(row["Campaign Start Time"]),
            ends_on=_day(row["Campaign Stop Time"]),
            languages=tuple(t.removeprefix("language=") for t in tags if t.startswith("language=")),
            countries=tuple(_split(row["Countries"])),
        )


def _tree(held: Holding) -> list[_Branch]:
    """Campaigns with their ad sets and ads; a removed list is simply not there any more."""
    branches: dict[str, _Branch] = {}
    roots: list[_Branch] = []
    for key, entry in held.items():  # parents come first
        content, above = entry.resource.content, branches.get(entry.resource.parent or "")
        if isinstance(content, AudienceContent):
            if above and not entry.removed:
                above.lists.append(content)
            continue
        branches[key] = _Branch(entry)
        (above.children if above else roots).append(branches[key])
    return roots


def _group_cells(campaign: _Branch, group: _Branch) -> Row:
    above, resource = campaign.entry.resource.content, group.entry.resource
    if not isinstance(above, CampaignContent) or not isinstance(resource.content, AdGroupContent):
        raise InvalidInput("an ad lies outside an ad set", where=f"meta_bulk: {resource.key}")
    kept_out = [a.list_name for a in (*campaign.lists, *group.lists) if a.excluded]
    return {
        "Ad Set Name": _named(resource.content.name, resource.key),
        "Ad Set Run Status": _status(group.entry),
        "Ad Set Time Start": _clock(above.starts_on, time(0, 0)),
        "Ad Set Time Stop": _clock(above.ends_on, time(23, 59)),
        "Destination Type": "UNDEFINED",
        "Location Types": "home, recent",
        "Custom Audiences": ", ".join(a.list_name for a in group.lists if not a.excluded),
        "Excluded Custom Audiences": ", ".join(kept_out),
        "Optimization Goal": _OPTIMISE[above.goal],
        "Attribution Spec": _ATTRIBUTION,
        "Billing Event": "IMPRESSIONS",
    }


def _ad_cells(entry: Held) -> Row:
    resource = entry.resource
    content = resource.content
    if not isinstance(content, SocialAdContent):
        raise InvalidInput(f"the file has no rows for a {resource.kind}", where=f"meta_bulk: {resource.key}")
    return {
        "Ad Name": _named(content.name, resource.key),
        "Ad Status": _status(entry),
        "Title": content.headline,
        "Body": content.primary_text,
        "Link": content.final_url,
        "Link Description": content.description,
        "Call to Action": word(_ACTION, content.call_to_action, where=f"meta_bulk: {resource.key}"),
        "Image File Name": picture_name(content.picture),
        "Creative Type": "Link Page Post Ad",
        "Optimize text per person": "No",
    }


def _ad(row: Row, name: str, picture: PictureReader) -> SocialAdContent:
    return SocialAdContent(
        name=name,
        primary_text=row["Body"],
        headline=row["Title"],
        description=row["Link Description"],
        call_to_action=row["Call to Action"],
        picture=picture(row["Image File Name"]),
        final_url=row["Link"],
    )


def _held(
    key: str,
    parent: str | None,
    content: CampaignContent | AdGroupContent | SocialAdContent,
    status: str,
    *,
    where: str,
) -> Held:
    if status == _REMOVED:
        return Held(Resource(key, parent, content), removed=True)
    return Held(Resource(key, parent, content, meaning(_STATUS, status, where=where)))


def _listed(parent: str, name: str, *, excluded: bool) -> Held:
    return Held(Resource(f"{parent}/{list_place(name)}", parent, AudienceContent(name, excluded)))


def _safe(row: Row) -> Row:
    return {c: safe_cell(text, where=f"meta_bulk: {c}") for c, text in row.items()}


def _named(name: str, key: str) -> str:
    return f"{name} [{LABEL}:{key}]"


def _status(entry: Held) -> str:
    return _REMOVED if entry.removed else _STATUS[entry.resource.status]


def _split(cell: str) -> list[str]:
    return [text for text in cell.split(", ") if text]


def _clock(day: date, at: time) -> str:
    """`06/17/2025 1:09:54 pm`."""
    hour = at.hour % 12 or 12
    return f"{day:%m/%d/%Y} {hour}:{at:%M:%S} {'am' if at.hour < 12 else 'pm'}"


def _day(cell: str) -> date:
    month, day, year = (int(part) for part in cell.split(" ")[0].split("/"))
    return date(year, month, day)
