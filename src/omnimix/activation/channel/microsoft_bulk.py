"""The `microsoft_bulk` channel: a bulk CSV file that Microsoft Advertising imports (Import › Import from file).

in   changes
out  `microsoft_bulk.csv`: UTF-8 with byte order mark, Format Version 6.0, rows linked by negative ids

Record types and columns: Microsoft Advertising bulk file schema, version 6.0 (learn.microsoft.com/advertising/
bulk-service). `Client Id` carries our key and, because places have ids of Microsoft's own, the countries to be set
by hand before the campaign is turned on. Pictures need ids from the account's media library, so display ads are
not offered here.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from datetime import date

from omnimix.activation.channel.bulk_file import (
    LABEL,
    BulkFile,
    Held,
    Holding,
    PictureReader,
    Row,
    place_names,
    plain_cell,
    safe_cell,
)
from omnimix.activation.channel.plan import Change
from omnimix.activation.channel.port import Setup
from omnimix.activation.channel.resource import (
    AdGroupContent,
    AudienceContent,
    CampaignContent,
    Content,
    KeywordContent,
    Kind,
    Match,
    Network,
    Resource,
    SearchAdContent,
    Status,
)
from omnimix.activation.channel.words import amount, meaning, money, word
from omnimix.core.errors import InvalidInput
from omnimix.creative.campaign import Goal

_STATUS = {Status.PAUSED: "Paused", Status.ENABLED: "Active"}
_REMOVED = "Deleted"
_BIDDING = {Goal.TRAFFIC: "MaxClicks", Goal.LEADS: "MaxConversions", Goal.SALES: "MaxConversionValue"}
_MATCH = {Match.EXACT: "Exact", Match.PHRASE: "Phrase", Match.BROAD: "Broad"}
_LANGUAGE = {
    "da": "Danish",
    "de": "German",
    "en": "English",
    "es": "Spanish",
    "fi": "Finnish",
    "fr": "French",
    "it": "Italian",
    "nl": "Dutch",
    "no": "Norwegian",
    "pt": "Portuguese",
    "sv": "Swedish",
}
# (parent's kind, excluded) → record type
_LIST = {
    (Kind.CAMPAIGN, False): "Campaign Customer List Association",
    (Kind.CAMPAIGN, True): "Campaign Negative Customer List Association",
    (Kind.AD_GROUP, False): "Ad Group Customer List Association",
    (Kind.AD_GROUP, True): "Ad Group Negative Customer List Association",
}
_TIME_ZONE = "GreenwichMeanTimeDublinEdinburghLisbonLondon"
COLUMNS = [
    "Type",
    "Status",
    "Id",
    "Parent Id",
    "Campaign",
    "Ad Group",
    "Client Id",
    "Time Zone",
    "Budget",
    "Budget Type",
    "Campaign Type",
    "Language",
    "Bid Strategy Type",
    "Start Date",
    "End Date",
    "Network Distribution",
    "Ad Rotation",
    "Cpc Bid",
    "Keyword",
    "Match Type",
    "Bid",
    "Name",
    "Final Url",
    "Mobile Final Url",
    "Tracking Template",
    "Final Url Suffix",
    "Custom Parameter",
    "Headline",
    "Description",
    "Path 1",
    "Path 2",
    "Audience",
]


class MicrosoftBulk:
    """Holds search campaigns as rows of a file; see the module."""

    name = "microsoft_bulk"
    supports = frozenset({Kind.CAMPAIGN, Kind.AD_GROUP, Kind.AUDIENCE, Kind.KEYWORD, Kind.SEARCH_AD})

    def __init__(self, setup: Setup) -> None:
        form = _BulkForm(setup.currency)
        self._file = BulkFile(setup.folder, self.name, form, supports=self.supports, pictures=setup.pictures)

    def read(self) -> Iterator[Resource]:
        """Our resources in the file."""
        return self._file.read()

    def write(self, change: Change, *, idempotency_key: str) -> None:
        """Put one change into the file."""
        self._file.write(change, idempotency_key=idempotency_key)


def negative_id(key: str) -> str:
    """A negative id that depends only on the key, so that links hold when rows come and go."""
    return str(-1 - int.from_bytes(hashlib.sha256(key.encode()).digest()[:6], "big"))


class _BulkForm:
    columns = tuple(COLUMNS)
    head: tuple[Row, ...] = ({"Type": "Format Version", "Name": "6.0"},)
    encoding = "utf-8-sig"

    def __init__(self, currency: str) -> None:
        self.currency = currency
        # The file is written anew with every change; only the rows that changed are made anew.
        self._made: dict[tuple[Held, tuple[str, str]], Row] = {}

    def rows(self, held: Holding) -> Iterator[Row]:
        names = place_names(held)
        kinds = {k: h.resource.kind for k, h in held.items()}
        for key, entry in held.items():
            made = self._made.get((entry, names[key]))
            if made is None:
                above = kinds.get(entry.resource.parent or "", Kind.CAMPAIGN)
                made = self._row(entry, names[key], above, where=f"microsoft_bulk: {key}")
                self._made[entry, names[key]] = made
            yield made

    def _row(self, entry: Held, names: tuple[str, str], above: Kind, *, where: str) -> Row:
        resource = entry.resource
        texts = {"Campaign": names[0], "Ad Group": names[1], "Client Id": f"{LABEL}:{resource.key}"}
        texts |= self._texts(resource.content, above, where=where)
        return {c: safe_cell(text, where=f"{where}: {c}") for c, text in texts.items()} | {
            "Status": _REMOVED if entry.removed else _STATUS[resource.status],
            "Id": negative_id(resource.key),
            "Parent Id": negative_id(resource.parent) if resource.parent else "0",
        }

    def _texts(self, content: Content, above: Kind, *, where: str) -> Row:
        if isinstance(content, CampaignContent):
            return self._campaign(content, where=where)
        if isinstance(content, AdGroupContent):
            return {"Type": "Ad Group"}
        if isinstance(content, AudienceContent):
            return {"Type": _LIST[above, content.excluded], "Audience": content.list_name}
        if isinstance(content, KeywordContent):
            return {"Type": "Keyword", "Keyword": content.text, "Match Type": _MATCH[content.match]}
        if isinstance(content, SearchAdContent):
            return _ad_cells(content, where=where)
        raise InvalidInput(f"the file has no rows for a {content.kind}", where=where)

    def _campaign(self, content: CampaignContent, *, where: str) -> Row:
        if content.network is not Network.SEARCH:
            raise InvalidInput(f"the file has no {content.network} campaigns", where=where)
        key = where.partition(": ")[2]
        return {
            "Type": "Campaign",
            "Client Id": f"{LABEL}:{key};countries={','.join(content.countries)}",
            "Time Zone": _TIME_ZONE,
            "Budget": amount(content.daily_budget, self.currency, where=where),
            "Budget Type": "DailyBudgetStandard",
            "Campaign Type": "Search",
            "Language": ";".join(word(_LANGUAGE, code, where=where) for code in content.languages),
            "Bid Strategy Type": _BIDDING[content.goal],
            "Start Date": _us_date(content.starts_on),
            "End Date": _us_date(content.ends_on),
        }

    def held(self, rows: Sequence[Row], picture: PictureReader) -> tuple[dict[str, Held], list[Row]]:  # noqa: ARG002 - these rows hold no pictures
        held: dict[str, Held] = {}
        foreign: list[Row] = []
        for row in rows:
            label, _, key = row["Client Id"].partition(":")
            if label != LABEL:
                foreign.append(row)
                continue
            key, _, extra = key.partition(";countries=")
            held[key] = self._held_of(key, extra, {c: plain_cell(t) for c, t in row.items()})
        return held, foreign

    def _held_of(self, key: str, countries: str, row: Row) -> Held:
        where = f"microsoft_bulk.csv: {key}"
        try:
            content = self._content(row, countries, where=where)
        except (ValueError, KeyError, TypeError) as error:
            raise InvalidInput(f"a cell cannot be read: {error}", where=where, fix="restore the file") from None
        parent = None if content.kind is Kind.CAMPAIGN else key.rpartition("/")[0]
        if row["Status"] == _REMOVED:
            return Held(Resource(key, parent, content), removed=True)
        return Held(Resource(key, parent, content, meaning(_STATUS, row["Status"], where=where)))

    def _content(self, row: Row, countries: str, *, where: str) -> Content:
        kind = row["Type"]
        if kind == "Campaign":
            return CampaignContent(
                name=row["Campaign"],
                network=Network.SEARCH,
                goal=meaning(_BIDDING, row["Bid Strategy Type"], where=where),
                daily_budget=money(row["Budget"], self.currency, where=where),
                starts_on=_from_us_date(row["Start Date"]),
                ends_on=_from_us_date(row["End Date"]),
                languages=tuple(meaning(_LANGUAGE, t, where=where) for t in row["Language"].split(";") if t),
                countries=tuple(c for c in countries.split(",") if c),
            )
        if kind == "Ad Group":
            return AdGroupContent(row["Ad Group"])
        if kind == "Keyword":
            return KeywordContent(row["Keyword"], meaning(_MATCH, row["Match Type"], where=where))
        if kind in _LIST.values():
            return AudienceContent(row["Audience"], excluded="Negative" in kind)
        if kind == "Responsive Search Ad":
            return _ad(row)
        raise InvalidInput(f"row type {kind!r} is not ours", where=where, fix="restore the file")


def _ad_cells(content: SearchAdContent, *, where: str) -> Row:
    if not 3 <= len(content.headlines) <= 15 or not 2 <= len(content.descriptions) <= 4:
        raise InvalidInput(
            f"{len(content.headlines)} headlines and {len(content.descriptions)} descriptions given, "
            "3 to 15 and 2 to 4 needed",
            where=where,
            fix="correct the variant",
        )
    if ";" in content.final_url:
        raise InvalidInput("a semicolon in the landing page separates two", where=where, fix="write it as %3B")
    return {
        "Type": "Responsive Search Ad",
        "Final Url": content.final_url,
        "Headline": _assets(content.headlines),
        "Description": _assets(content.descriptions),
    } | {f"Path {i}": text for i, text in enumerate(content.paths[:2], 1)}


def _ad(row: Row) -> SearchAdContent:
    return SearchAdContent(
        headlines=tuple(str(asset["text"]) for asset in json.loads(row["Headline"])),
        descriptions=tuple(str(asset["text"]) for asset in json.loads(row["Description"])),
        paths=tuple(text for i in (1, 2) if (text := row[f"Path {i}"])),
        final_url=row["Final Url"],
    )


def _assets(texts: tuple[str, ...]) -> str:
    return json.dumps([{"text": text} for text in texts], ensure_ascii=False)


def _us_date(day: date) -> str:
    return f"{day.month}/{day.day}/{day.year}"


def _from_us_date(cell: str) -> date:
    month, day, year = (int(part) for part in cell.split("/"))
    return date(year, month, day)
