"""What a channel holds, in our own words: campaign > ad group > keyword, audience, ad; and e-mails.

in   typed content
out  frozen Resource records, and their exact JSON

An adapter translates these words into its platform's; nothing outside an adapter knows a platform's words.
"""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, ClassVar

import msgspec

from omnimix.core.money import Money
from omnimix.creative.campaign import Goal


class Kind(StrEnum):
    """Kinds of resource, parents before children: changes are written in this order."""

    CAMPAIGN = "campaign"
    AD_GROUP = "ad_group"
    AUDIENCE = "audience"
    KEYWORD = "keyword"
    SEARCH_AD = "search_ad"
    DISPLAY_AD = "display_ad"
    SOCIAL_AD = "social_ad"
    EMAIL = "email"

    @property
    def rank(self) -> int:
        """0 for the kind that is created first."""
        return list(Kind).index(self)


class Status(StrEnum):
    """We create everything paused; a person turns it on."""

    PAUSED = "paused"
    ENABLED = "enabled"


class Network(StrEnum):
    """Where a campaign's ads are shown."""

    SEARCH = "search"
    DISPLAY = "display"
    SOCIAL = "social"
    EMAIL = "email"


class Match(StrEnum):
    """How closely a search must match a keyword."""

    EXACT = "exact"
    PHRASE = "phrase"
    BROAD = "broad"


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture file: `path` relative to the workspace's out folder, and the digest of its bytes."""

    path: str
    sha256: str


@dataclass(frozen=True, slots=True)
class CampaignContent:
    """A campaign on one network. Dates are inclusive; empty `countries` means everywhere."""

    kind: ClassVar[Kind] = Kind.CAMPAIGN
    name: str
    network: Network
    goal: Goal
    daily_budget: Money
    starts_on: date
    ends_on: date
    languages: tuple[str, ...]  # ISO 639-1, lower case
    countries: tuple[str, ...]  # ISO 3166 alpha-2, upper case


@dataclass(frozen=True, slots=True)
class AdGroupContent:
    """An ad group: one brief's ads."""

    kind: ClassVar[Kind] = Kind.AD_GROUP
    name: str


@dataclass(frozen=True, slots=True)
class AudienceContent:
    """A customer list, targeted or kept out. Its name says which lane and segment it holds."""

    kind: ClassVar[Kind] = Kind.AUDIENCE
    list_name: str
    excluded: bool


@dataclass(frozen=True, slots=True)
class KeywordContent:
    """A keyword of a search ad group: at most 80 characters and 10 words."""

    kind: ClassVar[Kind] = Kind.KEYWORD
    text: str
    match: Match


@dataclass(frozen=True, slots=True)
class SearchAdContent:
    """A responsive search ad: 3 to 15 headlines ≤ 30, 2 to 4 descriptions ≤ 90, paths ≤ 15."""

    kind: ClassVar[Kind] = Kind.SEARCH_AD
    headlines: tuple[str, ...]
    descriptions: tuple[str, ...]
    paths: tuple[str, ...]
    final_url: str


@dataclass(frozen=True, slots=True)
class DisplayAdContent:
    """A responsive display ad: 1 to 5 headlines ≤ 30, long headline ≤ 90, 1 to 5 descriptions ≤ 90, pictures."""

    kind: ClassVar[Kind] = Kind.DISPLAY_AD
    headlines: tuple[str, ...]
    long_headline: str
    descriptions: tuple[str, ...]
    business_name: str
    call_to_action: str
    landscape: Picture
    square: Picture
    final_url: str


@dataclass(frozen=True, slots=True)
class SocialAdContent:
    """A single-picture link ad in a feed."""

    kind: ClassVar[Kind] = Kind.SOCIAL_AD
    name: str
    primary_text: str
    headline: str
    description: str
    call_to_action: str
    picture: Picture
    final_url: str


@dataclass(frozen=True, slots=True)
class EmailContent:
    """An e-mail to one or more lists; the brand's address and links are the adapter's."""

    kind: ClassVar[Kind] = Kind.EMAIL
    subject: str
    preheader: str
    heading: str
    body: tuple[str, ...]
    call_to_action: str
    hero: Picture | None
    hero_alt: str
    final_url: str
    send_to: tuple[str, ...]  # list names; empty: everybody who may be written to
    keep_out: tuple[str, ...]  # list names


Content = (
    CampaignContent
    | AdGroupContent
    | AudienceContent
    | KeywordContent
    | SearchAdContent
    | DisplayAdContent
    | SocialAdContent
    | EmailContent
)

CONTENT: dict[Kind, type[Content]] = {
    c.kind: c
    for c in (
        CampaignContent,
        AdGroupContent,
        AudienceContent,
        KeywordContent,
        SearchAdContent,
        DisplayAdContent,
        SocialAdContent,
        EmailContent,
    )
}


@dataclass(frozen=True, slots=True)
class Resource:
    """One thing a channel holds. `key` is our name for it, a path that starts with the campaign's key:
    `spring/search/broad/kw-1f0c`; unique on its channel, ≤ 80 characters. `parent` is the parent's key."""

    key: str
    parent: str | None
    content: Content
    status: Status = Status.PAUSED

    @property
    def kind(self) -> Kind:
        """The kind of its content."""
        return self.content.kind

    @property
    def campaign(self) -> str:
        """The key of the campaign it belongs to."""
        return self.key.split("/", 1)[0]


def plain(resource: Resource) -> dict[str, Any]:
    """The resource as JSON-ready values; `from_plain` reads it back exactly."""
    return {
        "kind": resource.kind.value,
        "key": resource.key,
        "parent": resource.parent,
        "status": resource.status.value,
        "content": msgspec.to_builtins(resource.content),
    }


def from_plain(values: dict[str, Any]) -> Resource:
    """Read what `plain` wrote. Raises msgspec.ValidationError or KeyError when it is not that."""
    content: Content = msgspec.convert(values["content"], CONTENT[Kind(values["kind"])])
    return Resource(values["key"], values["parent"], content, Status(values["status"]))
