"""A release as exchanges may buy it: its offers as creatives, and the release cut down to what fits an impression.

in   a Serving, `[bid]`, the brand
out  a Market

An impression's decision is made by the same code as any other, from the same release, in which the offers that do
not fit the impression are ruled out for everybody.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property
from urllib.parse import quote, urlsplit

import numpy as np

from omnimix.activation.bid.creative import Catalogue, Creative, Picture
from omnimix.activation.bid.price import CPM, value_of
from omnimix.activation.bid.spec import BidRules
from omnimix.activation.decide.choice import FloatArray
from omnimix.activation.decide.moment import Moment
from omnimix.activation.decide.pacing import Pace
from omnimix.activation.decide.release import Offer
from omnimix.activation.decide.serving import Served, Serving
from omnimix.activation.experiment.eligibility import Reason
from omnimix.core.money import exponent
from omnimix.creative.brand import Brand

_MOST_KEPT = 1_000  # cut-down releases; impressions ask for some dozens of sizes
_ACTIONS = {"SHOP_NOW": "Shop now", "LEARN_MORE": "Learn more", "SIGN_UP": "Sign up", "GET_OFFER": "Get offer"}


@dataclass(frozen=True, slots=True)
class Owner:
    """What the workspace says of itself."""

    brand: str
    domain: str  # of its website, without www
    currency: str
    public: str  # where browsers reach this server

    @classmethod
    def of(cls, brand: Brand, *, currency: str, public: str) -> "Owner":
        """From brand.toml."""
        domain = (urlsplit(brand.website).hostname or "").removeprefix("www.")
        return cls(brand.name, domain, currency, public.rstrip("/"))


class Market:
    """One release, made ready for exchanges. Belongs to one thread."""

    def __init__(self, serving: Serving, rules: BidRules, owner: Owner) -> None:
        self.serving, self.rules, self.owner = serving, rules, owner
        self.rates: Mapping[str, Decimal] = rules.decimal_rates(owner.currency)
        self.minor_units = 10 ** exponent(owner.currency)
        filling = serving.filling.get(rules.placement, ())
        self._filling = tuple(s for s in filling if s.running.pace is not None)  # no budget, no bid
        self.catalogue = Catalogue(
            [_creative(s, offer, rules, owner) for s in self._filling for offer in s.running.offers]
        )
        self.most = int(Decimal(rules.most_per_thousand) * CPM)  # cpm that no bid exceeds
        place = serving.placements.get(rules.placement)
        self.channel = place.channel if place else "display"
        self._cut: dict[int, Serving] = {}
        self._weights: dict[tuple[str, int], FloatArray] = {}

    @cached_property
    def paces(self) -> dict[str, Pace]:
        """The budgets that bids are paid from."""
        return {s.campaign: s.running.pace for s in self._filling if s.running.pace is not None}

    def cut(self, fits: int) -> Serving:
        """The release with nothing but the creatives of a set."""
        found = self._cut.get(fits)
        if found is None:
            if len(self._cut) >= _MOST_KEPT:
                self._cut.clear()
            found = self._cut[fits] = self._cut_down(fits)
        return found

    def _cut_down(self, fits: int) -> Serving:
        kept, first = [], 0
        for served in self._filling:
            count = len(served.variants)
            own = fits >> first & (1 << count) - 1
            first += count
            if own:
                kept.append(_restricted(served, own))
        place = self.rules.placement
        return replace(self.serving, filling={place: tuple(kept)}, campaigns={s.campaign: s for s in kept})

    def creative(self, campaign: str, variant: str) -> Creative:
        """The creative of a variant."""
        return self._by_name[campaign, variant]

    @cached_property
    def _by_name(self) -> dict[tuple[str, str], Creative]:
        return {(c.campaign, c.variant_id): c for c in self.catalogue.creatives}

    def value(self, served: Served, place: int, features: bytes) -> int:
        """What one impression of an offer is worth (cpm), by the model and its doubts, or as assumed."""
        rules, moment = self.rules, served.moment
        if moment is None or not features:
            return int(Decimal(rules.margin_per_thousand or "0") * CPM)
        weights = self._weights.get((served.campaign, place))
        if weights is None:
            weights = self._weights[served.campaign, place] = _weights(moment, place)
        x = np.frombuffer(features, dtype="<f4").astype(np.float64)
        return value_of(x @ weights, quantile=rules.quantile, caused=rules.caused, minor_units=self.minor_units)


def _restricted(served: Served, own: int) -> Served:
    """A campaign of which only a set of offers may be shown. What it costs is told by the bill, not beforehand."""
    ruled_out = served.sets.everything & ~own
    fixed = [*served.sets.fixed, (Reason.PLACEMENT.value, ruled_out)] if ruled_out else served.sets.fixed
    return replace(served, sets=replace(served.sets, fixed=fixed), cost=0)


def _weights(moment: Moment, place: int) -> FloatArray:
    """(F, K) posterior draws of an offer's weights, about their mean; what all offers share is not in doubt."""
    drawn = moment.draws[:, place * moment.count : (place + 1) * moment.count]
    return np.ascontiguousarray(drawn - drawn.mean(axis=1, keepdims=True) + moment.mean[place][:, None])


def _creative(served: Served, offer: Offer, rules: BidRules, owner: Owner) -> Creative:
    content = offer.content
    base = rules.pictures.rstrip("/")
    return Creative(
        variant_id=offer.variant,
        campaign=served.campaign,
        digest=offer.approved,
        headlines=(content.headline,),
        descriptions=(content.text,),
        call_to_action=_ACTIONS.get(content.call_to_action, content.call_to_action.replace("_", " ").capitalize()),
        brand=owner.brand,
        domain=owner.domain,
        landing=content.url,
        pictures=tuple(Picture(f"{base}/{quote(a.path)}", a.width, a.height, a.alt_text) for a in content.assets),
        language=offer.language.partition("-")[0].lower(),
        categories=rules.categories,
        taxonomy=rules.taxonomy,
    )
