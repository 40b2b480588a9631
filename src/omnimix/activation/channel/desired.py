"""What a channel shall hold for a campaign: campaign > ad group per brief > lists, keywords, ads per variant.

in   a campaign, its approved variants, what the channel supports, its budget
out  paused Resources whose final URLs carry the utm parameters that lead back to the variant
"""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from omnimix.activation.channel.audiences import kept_out, list_place, others_lists, own_lists
from omnimix.activation.channel.resource import (
    AdGroupContent,
    AudienceContent,
    CampaignContent,
    Content,
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
)
from omnimix.activation.experiment.ladder import Rung
from omnimix.core.errors import InvalidInput
from omnimix.core.money import Money
from omnimix.creative.brief.brief import BROAD
from omnimix.creative.campaign import Campaign
from omnimix.creative.variant import Image, Variant

LONGEST_KEY = 70
_AD = {Network.SEARCH: Kind.SEARCH_AD, Network.DISPLAY: Kind.DISPLAY_AD, Network.SOCIAL: Kind.SOCIAL_AD}
_MEDIUM = {
    Network.SEARCH: "cpc",
    Network.DISPLAY: "display",
    Network.SOCIAL: "paid_social",
    Network.EMAIL: "email",
}
_SOURCE = {
    "google_ads_editor": "google",
    "microsoft_bulk": "bing",
    "meta_bulk": "facebook",
    "email_files": "newsletter",
}


def desired(
    campaign: Campaign,
    variants: Sequence[Variant],
    *,
    channel: str,
    supports: frozenset[Kind],
    budget: Money,
    business_name: str,
    promoted: Mapping[str, Rung] | None = None,
) -> tuple[Resource, ...]:
    """Everything the channel shall hold for the campaign; nothing when there are no variants.

    One campaign per network that the channel supports (a search campaign cannot hold display ads), `budget` a day
    split among them evenly. `promoted` moves a segment's `follow` lane to its own creative. Raises InvalidInput
    when a variant lacks a picture the network needs, when a name is too long, and when nothing is supported.
    """
    networks = [n for n, ad in _AD.items() if ad in supports]
    if not networks and Kind.EMAIL not in supports:
        raise InvalidInput("the channel supports no kind of ad", where=channel)
    if not variants:
        return ()
    maker = _Maker(campaign, tuple(variants), channel, business_name, dict(promoted or {}))
    found: list[Resource] = []
    for network, share in split_budget(budget, [str(n) for n in networks]).items():
        found.extend(r for r in maker.network(Network(network), share) if r.kind in supports)
    if Kind.EMAIL in supports:
        found.extend(maker.emails())
    return tuple(found)


def split_budget(total: Money, parts: Sequence[str]) -> dict[str, Money]:
    """`total` in parts as equal as minor units allow; the parts add up to it exactly."""
    if not parts:
        return {}
    each, left = divmod(total.minor, len(parts))
    return {p: Money(each + (i < left), total.currency) for i, p in enumerate(parts)}


def tagged_url(url: str, *, source: str, medium: str, campaign: str, content: str) -> str:
    """`url` with its own query kept, except utm parameters, which become ours."""
    parts = urlsplit(url)
    ours = {
        "utm_source": source,
        "utm_medium": medium,
        "utm_campaign": campaign,
        "utm_content": content,
    }
    theirs = [(k, v) for k, v in parse_qsl(parts.query, keep_blank_values=True) if k not in ours]
    return urlunsplit(parts._replace(query=urlencode(theirs + list(ours.items()))))


@dataclass(frozen=True)
class _Maker:
    campaign: Campaign
    variants: tuple[Variant, ...]
    channel: str
    business_name: str
    promoted: dict[str, Rung]

    @property
    def briefs(self) -> list[str]:
        """The broad brief first, then the others in the order of their variants."""
        return sorted(dict.fromkeys(v.brief for v in self.variants), key=lambda b: b != BROAD)

    @property
    def segments(self) -> list[str]:
        return [b for b in self.briefs if b != BROAD]

    def network(self, network: Network, budget: Money) -> Iterator[Resource]:
        root = key_of(self.campaign.key, network)
        yield Resource(root, None, self._campaign(network, budget))
        for name in kept_out(self.campaign.key):
            yield _list(root, name, excluded=True)
        for brief in self.briefs:
            group = key_of(root, shortened(brief, LONGEST_KEY - len(root) - 14))  # room for a digest below it
            yield Resource(group, root, AdGroupContent(f"{self.campaign.name} · {network} · {brief}"))
            excluded, names = self._lists(brief)
            for name in names:
                yield _list(group, name, excluded=excluded)
            mine = [v for v in self.variants if v.brief == brief]
            if network is Network.SEARCH:
                yield from _keywords(group, mine)
            for variant in mine:
                yield Resource(key_of(group, variant.variant_id), group, self._ad(variant, network))

    def emails(self) -> Iterator[Resource]:
        never = kept_out(self.campaign.key)
        for variant in self.variants:
            excluded, names = self._lists(variant.brief)
            hero = _picture(variant, "landscape")
            content = EmailContent(
                subject=variant.email.subject,
                preheader=variant.email.preheader,
                heading=variant.email.subject,
                body=variant.email.body,
                call_to_action=variant.call_to_action,
                hero=Picture(hero.path, hero.sha256) if hero else None,
                hero_alt=hero.alt_text if hero else "",
                final_url=self._url(variant, Network.EMAIL),
                send_to=() if excluded else names,
                keep_out=never + (names if excluded else ()),
            )
            yield Resource(key_of(self.campaign.key, "email", variant.variant_id), None, content)

    def _campaign(self, network: Network, budget: Money) -> CampaignContent:
        c = self.campaign
        return CampaignContent(
            name=f"{c.name} · {network}",
            network=network,
            goal=c.goal,
            daily_budget=budget,
            starts_on=c.starts_on,
            ends_on=c.ends_on,
            languages=tuple(dict.fromkeys(code.lower().split("-")[0] for code in c.languages)),
            countries=tuple(dict.fromkeys(code.upper() for code in c.countries)),
        )

    def _lists(self, brief: str) -> tuple[bool, tuple[str, ...]]:
        """Whether the brief's lists are kept out or targeted, and their names."""
        if brief == BROAD:
            return True, others_lists(self.campaign.key, self.segments, promoted=self.promoted)
        return False, own_lists(self.campaign.key, brief, promoted=self.promoted)

    def _url(self, variant: Variant, network: Network) -> str:
        return tagged_url(
            variant.final_url,
            source=_SOURCE.get(self.channel, self.channel),
            medium=_MEDIUM[network],
            campaign=self.campaign.key,
            content=variant.variant_id,
        )

    def _ad(self, variant: Variant, network: Network) -> Content:
        url = self._url(variant, network)
        if network is Network.SEARCH:
            return SearchAdContent(variant.headlines[:15], variant.descriptions[:4], _paths(variant), url)
        if network is Network.SOCIAL:
            return SocialAdContent(
                name=variant.variant_id,
                primary_text=variant.primary_text,
                headline=variant.headlines[0],
                # Feeds cut a link's description at about 30 characters, which is a headline's length.
                description=(variant.headlines[1:2] or variant.descriptions[:1])[0],
                call_to_action=variant.call_to_action,
                picture=_needed(variant, "square"),
                final_url=url,
            )
        return DisplayAdContent(
            headlines=variant.headlines[:5],
            long_headline=variant.long_headline,
            descriptions=variant.descriptions[:5],
            business_name=self.business_name,
            # The networks' lists of phrases for display ads know no offer.
            call_to_action={"GET_OFFER": "SHOP_NOW"}.get(variant.call_to_action, variant.call_to_action),
            landscape=_needed(variant, "landscape"),
            square=_needed(variant, "square"),
            final_url=url,
        )


def shortened(name: str, room: int) -> str:
    """The name, or its head and a piece of its digest where it is longer than `room` characters (at least 8)."""
    if len(name) <= room:
        return name
    return f"{name[: max(1, room - 7)].rstrip('-')}-{hashlib.sha256(name.encode()).hexdigest()[:6]}"


def key_of(*parts: str) -> str:
    """The parts as one key; a last part that would make it too long is replaced by its digest."""
    key = "/".join(parts)
    if len(key) > LONGEST_KEY:
        key = "/".join((*parts[:-1], hashlib.sha256(parts[-1].encode()).hexdigest()[:12]))
    if len(key) > LONGEST_KEY or any(c < " " or c == ";" for c in key):
        raise InvalidInput(
            f"{key!r} is longer than {LONGEST_KEY} characters or holds a semicolon or control character",
            fix="choose shorter, plainer keys for the campaign and its segments",
        )
    return key


def _list(parent: str, name: str, *, excluded: bool) -> Resource:
    return Resource(key_of(parent, list_place(name)), parent, AudienceContent(name, excluded))


def _keywords(group: str, variants: Sequence[Variant]) -> Iterator[Resource]:
    texts = dict.fromkeys(" ".join(k.lower().split()) for v in variants for k in v.keywords)
    for text in texts:
        place = f"kw-{hashlib.sha256(text.encode()).hexdigest()[:10]}"
        yield Resource(key_of(group, place), group, KeywordContent(text, Match.PHRASE))


def _paths(variant: Variant) -> tuple[str, ...]:
    """The first keyword that fits the display path, such as `cake-stands`."""
    slugs = (re.sub(r"[^\w]+", "-", k.lower()).strip("-") for k in variant.keywords)
    return next(((s,) for s in slugs if 0 < len(s) <= 15), ())


def _picture(variant: Variant, size: str) -> Image | None:
    """The variant's picture of that size, with a photo where there is one."""
    fitting = sorted((i for i in variant.images if i.size == size), key=lambda i: not i.with_photo)
    return fitting[0] if fitting else None


def _needed(variant: Variant, size: str) -> Picture:
    image = _picture(variant, size)
    if image is None:
        raise InvalidInput(
            f"variant {variant.variant_id!r} has no {size} picture",
            where=variant.campaign,
            fix="render its pictures before planning, or leave out channels that need them",
        )
    return Picture(image.path, image.sha256)
