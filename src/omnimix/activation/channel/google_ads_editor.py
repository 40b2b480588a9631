"""The `google_ads_editor` channel: a CSV file that Google Ads Editor imports (Account › Import › From file).

in   changes
out  `google_ads_editor.csv` with English headers, and the pictures beside it in `google_ads_editor_images`

Columns: Google Ads Editor help, "CSV file columns" (support.google.com/google-ads/editor/answer/57747). The names
of the responsive display ad's and the audience's columns are not on that page: on import, Editor shows any column
it does not know and lets you match it. Every row of ours carries the labels `omnimix` and `omnimix:<key>`;
customer lists must exist in the account under the names in the file.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date

from omnimix.activation.channel.bulk_file import (
    LABEL,
    BulkFile,
    Held,
    Holding,
    PictureReader,
    Row,
    picture_name,
    place_names,
    plain_cell,
    safe_cell,
)
from omnimix.activation.channel.countries import GEO_TARGET
from omnimix.activation.channel.plan import Change
from omnimix.activation.channel.port import Setup
from omnimix.activation.channel.resource import (
    AdGroupContent,
    AudienceContent,
    CampaignContent,
    Content,
    DisplayAdContent,
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

_STATUS = {Status.PAUSED: "Paused", Status.ENABLED: "Enabled"}
_REMOVED = "Removed"
_TYPE = {Network.SEARCH: "Search", Network.DISPLAY: "Display"}
_NETWORKS = {Network.SEARCH: "Google Search", Network.DISPLAY: "Display Network"}
_BIDDING = {
    Goal.TRAFFIC: "Maximize clicks",
    Goal.LEADS: "Maximize conversions",
    Goal.SALES: "Maximize conversion value",
}
_MATCH = {Match.EXACT: "Exact", Match.PHRASE: "Phrase", Match.BROAD: "Broad"}
_LISTED = {False: "Audience", True: "Negative audience"}
_LISTED_ACTIONS = """
SHOP_NOW LEARN_MORE SIGN_UP GET_QUOTE APPLY_NOW CONTACT_US SUBSCRIBE DOWNLOAD BOOK_NOW BUY_NOW DONATE_NOW ORDER_NOW
PLAY_NOW SEE_MORE START_NOW VISIT_SITE WATCH_NOW
"""
_ACTION = {c: c.replace("_", " ").capitalize() for c in _LISTED_ACTIONS.split()}
_SEARCH_AD, _DISPLAY_AD = "Responsive search ad", "Responsive display ad"

_HEADLINES = [c for i in range(1, 16) for c in (f"Headline {i}", f"Headline {i} position")]
_DESCRIPTIONS = [c for i in range(1, 5) for c in (f"Description {i}", f"Description {i} position")]
COLUMNS = (
    "Campaign",
    "Ad Group",
    "Ad type",
    "Labels",
    *_HEADLINES,
    *_DESCRIPTIONS,
    "Path 1",
    "Path 2",
    "Final URL",
    "Status",
    "Campaign type",
    "Campaign daily budget",
    "Networks",
    "Language targeting",
    "Bid Strategy Type",
    "Campaign status",
    "Start date",
    "End date",
    "EU political ads",
    "Location ID",
    "Ad Group Status",
    "Audience",
    "Keyword",
    "Criterion Type",
    "Short headline 1",
    "Short headline 2",
    "Short headline 3",
    "Short headline 4",
    "Short headline 5",
    "Long headline 1",
    "Description 5",
    "Business name",
    "Image 1",
    "Square image 1",
    "Call to action text",
)
_KEY = re.compile(rf"(?:^|;){LABEL}:([^;]+)")


class GoogleAdsEditor:
    """Holds search and display campaigns as rows of a file; see the module."""

    name = "google_ads_editor"
    supports = frozenset(
        {Kind.CAMPAIGN, Kind.AD_GROUP, Kind.AUDIENCE, Kind.KEYWORD, Kind.SEARCH_AD, Kind.DISPLAY_AD}
    )

    def __init__(self, setup: Setup) -> None:
        self._file = BulkFile(
            setup.folder,
            self.name,
            _EditorForm(setup.currency),
            supports=self.supports,
            pictures=setup.pictures,
        )

    def read(self) -> Iterator[Resource]:
        """Our resources in the file."""
        return self._file.read()

    def write(self, change: Change, *, idempotency_key: str) -> None:
        """Put one change into the file."""
        self._file.write(change, idempotency_key=idempotency_key)


class _EditorForm:
    columns = COLUMNS
    head: tuple[Row, ...] = ()
    encoding = "utf-8"

    def __init__(self, currency: str) -> None:
        self.currency = currency
        # The file is written anew with every change; only the rows that changed are made anew.
        self._made: dict[tuple[Held, tuple[str, str]], tuple[Row, ...]] = {}

    def rows(self, held: Holding) -> Iterator[Row]:
        names = place_names(held)
        for key, entry in held.items():
            made = self._made.get((entry, names[key]))
            if made is None:
                made = tuple(self._rows_of(entry, names[key], where=f"google_ads_editor: {key}"))
                self._made[entry, names[key]] = made
            yield from made

    def _rows_of(self, entry: Held, names: tuple[str, str], *, where: str) -> Iterator[Row]:
        resource = entry.resource
        label = f"{LABEL};{LABEL}:{resource.key}"
        place = {"Campaign": names[0], "Ad Group": names[1], "Labels": label}
        status = _REMOVED if entry.removed else _STATUS[resource.status]
        cells = place | self._cells(resource.content, status, where=where)
        # A position of "-" means unpinned: Editor needs it as it is, and no spreadsheet runs a lone sign.
        yield {
            c: text if c.endswith(" position") else safe_cell(text, where=f"{where}: {c}")
            for c, text in cells.items()
        }
        if isinstance(resource.content, CampaignContent) and not entry.removed:
            for code in resource.content.countries:
                target = word(GEO_TARGET, code, where=where)
                yield {"Campaign": safe_cell(names[0], where=where), "Labels": label, "Location ID": target}

    def _cells(self, content: Content, status: str, *, where: str) -> Row:
        if isinstance(content, CampaignContent):
            return self._campaign(content, status, where=where)
        if isinstance(content, AdGroupContent):
            return {"Ad Group Status": status}
        if isinstance(content, AudienceContent):
            return {
                "Audience": content.list_name,
                "Criterion Type": _LISTED[content.excluded],
                "Status": status,
            }
        if isinstance(content, KeywordContent):
            return {"Keyword": content.text, "Criterion Type": _MATCH[content.match], "Status": status}
        if isinstance(content, SearchAdContent):
            return _search_cells(content, where=where) | {"Status": status}
        if isinstance(content, DisplayAdContent):
            return _display_cells(content, where=where) | {"Status": status}
        raise InvalidInput(f"the file has no rows for a {content.kind}", where=where)

    def _campaign(self, content: CampaignContent, status: str, *, where: str) -> Row:
        return {
            "Campaign type": word(_TYPE, content.network, where=where),
            "Networks": word(_NETWORKS, content.network, where=where),
            "Campaign daily budget": amount(content.daily_budget, self.currency, where=where),
            "Language targeting": ";".join(content.languages),
            "Bid Strategy Type": _BIDDING[content.goal],
            "Campaign status": status,
            "Start date": content.starts_on.isoformat(),
            "End date": content.ends_on.isoformat(),
            "EU political ads": "Doesn't have EU political ads",
        }

    def held(self, rows: Sequence[Row], picture: PictureReader) -> tuple[dict[str, Held], list[Row]]:
        held: dict[str, Held] = {}
        foreign: list[Row] = []
        countries: dict[str, list[str]] = {}
        by_target = {target: code for code, target in GEO_TARGET.items()}
        for row in rows:
            label = _KEY.search(row["Labels"])
            if not label:
                foreign.append(row)
            elif row["Location ID"]:
                countries.setdefault(label[1], []).append(by_target.get(row["Location ID"], row["Location ID"]))
            else:
                held[label[1]] = self._held_of(label[1], {c: plain_cell(t) for c, t in row.items()}, picture)
        for key, codes in countries.items():
            if key in held:
                held[key] = _with_countries(held[key], tuple(codes))
        return held, foreign

    def _held_of(self, key: str, row: Row, picture: PictureReader) -> Held:
        where = f"google_ads_editor.csv: {key}"
        try:
            content, status = self._content(row, picture, where=where)
        except ValueError as error:
            raise InvalidInput(f"a cell cannot be read: {error}", where=where, fix="restore the file") from None
        parent = None if content.kind is Kind.CAMPAIGN else key.rpartition("/")[0]
        if status == _REMOVED:
            return Held(Resource(key, parent, content), removed=True)
        return Held(Resource(key, parent, content, meaning(_STATUS, status, where=where)))

    def _content(self, row: Row, picture: PictureReader, *, where: str) -> tuple[Content, str]:
        if row["Ad type"] == _SEARCH_AD:
            return _search_ad(row), row["Status"]
        if row["Ad type"] == _DISPLAY_AD:
            return _display_ad(row, picture, where=where), row["Status"]
        if row["Keyword"]:
            match = meaning(_MATCH, row["Criterion Type"], where=where)
            return KeywordContent(row["Keyword"], match), row["Status"]
        if row["Audience"]:
            excluded = meaning(_LISTED, row["Criterion Type"], where=where)
            return AudienceContent(row["Audience"], excluded), row["Status"]
        if row["Ad Group"]:
            return AdGroupContent(row["Ad Group"]), row["Ad Group Status"]
        return self._campaign_of(row, where=where), row["Campaign status"]

    def _campaign_of(self, row: Row, *, where: str) -> CampaignContent:
        return CampaignContent(
            name=row["Campaign"],
            network=meaning(_TYPE, row["Campaign type"], where=where),
            goal=meaning(_BIDDING, row["Bid Strategy Type"], where=where),
            daily_budget=money(row["Campaign daily budget"], self.currency, where=where),
            starts_on=date.fromisoformat(row["Start date"]),
            ends_on=date.fromisoformat(row["End date"]),
            languages=tuple(c for c in row["Language targeting"].split(";") if c),
            countries=(),
        )


def _with_countries(entry: Held, countries: tuple[str, ...]) -> Held:
    content = entry.resource.content
    if not isinstance(content, CampaignContent):
        return entry
    whole = replace(content, countries=countries)
    return replace(entry, resource=replace(entry.resource, content=whole))


def _search_cells(content: SearchAdContent, *, where: str) -> Row:
    _fits("headlines", content.headlines, 3, 15, where=where)
    _fits("descriptions", content.descriptions, 2, 4, where=where)
    _fits("paths", content.paths, 0, 2, where=where)
    return (
        {"Ad type": _SEARCH_AD, "Final URL": content.final_url}
        | {f"Headline {i}": text for i, text in enumerate(content.headlines, 1)}
        | {f"Headline {i} position": "-" for i in range(1, len(content.headlines) + 1)}
        | {f"Description {i}": text for i, text in enumerate(content.descriptions, 1)}
        | {f"Description {i} position": "-" for i in range(1, len(content.descriptions) + 1)}
        | {f"Path {i}": text for i, text in enumerate(content.paths, 1)}
    )


def _display_cells(content: DisplayAdContent, *, where: str) -> Row:
    _fits("headlines", content.headlines, 1, 5, where=where)
    _fits("descriptions", content.descriptions, 1, 5, where=where)
    return (
        {
            "Ad type": _DISPLAY_AD,
            "Final URL": content.final_url,
            "Long headline 1": content.long_headline,
            "Business name": content.business_name,
            "Call to action text": word(_ACTION, content.call_to_action, where=where),
            "Image 1": picture_name(content.landscape),
            "Square image 1": picture_name(content.square),
        }
        | {f"Short headline {i}": text for i, text in enumerate(content.headlines, 1)}
        | {f"Description {i}": text for i, text in enumerate(content.descriptions, 1)}
    )


def _search_ad(row: Row) -> SearchAdContent:
    return SearchAdContent(
        headlines=_filled(row, "Headline", 15),
        descriptions=_filled(row, "Description", 4),
        paths=_filled(row, "Path", 2),
        final_url=row["Final URL"],
    )


def _display_ad(row: Row, picture: PictureReader, *, where: str) -> DisplayAdContent:
    return DisplayAdContent(
        headlines=_filled(row, "Short headline", 5),
        long_headline=row["Long headline 1"],
        descriptions=_filled(row, "Description", 5),
        business_name=row["Business name"],
        call_to_action=meaning(_ACTION, row["Call to action text"], where=where),
        landscape=picture(row["Image 1"]),
        square=picture(row["Square image 1"]),
        final_url=row["Final URL"],
    )


def _filled(row: Row, name: str, most: int) -> tuple[str, ...]:
    return tuple(text for i in range(1, most + 1) if (text := row[f"{name} {i}"]))


def _fits(what: str, texts: Sequence[str], least: int, most: int, *, where: str) -> None:
    if not least <= len(texts) <= most or not all(texts):
        raise InvalidInput(
            f"{len(texts)} {what} given, {least} to {most} filled ones needed",
            where=where,
            fix="correct the variant",
        )
