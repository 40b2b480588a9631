"""A bid put into words: markup, links that lead back to us, notices.

in   a decision, its creative, its price, the impression
out  a Bid

What does not change from bid to bid, the markup around two tokens, is made once for each creative and place.
"""

from omnimix.activation.bid.answer import BANNER, NATIVE, Bid, BidExt, DsaAnswer, banner_markup, notices
from omnimix.activation.bid.ask import Asked
from omnimix.activation.bid.creative import Creative, Picture, picture_of
from omnimix.activation.bid.fit import Opportunity
from omnimix.activation.bid.market import Market
from omnimix.activation.bid.native import native_answer
from omnimix.activation.bid.notice import BILL, LOSS, PATH, WIN, Made, Marker
from omnimix.activation.bid.price import told_price
from omnimix.activation.decide.decision import Decided
from omnimix.activation.decide.feedback import click_path, pixel_path
from omnimix.activation.decide.token import Tokens

_MOST_KEPT = 4_096
_CLICK, _VIEW = "TokenOfTheClick", "TokenOfTheView"  # stand for tokens; nothing that escapes changes them


class Maker:
    """Makes the bids of one worker. Ads may be clicked for `life_us`."""

    def __init__(self, tokens: Tokens, marker: Marker, *, life_us: int) -> None:
        self._tokens, self._marker, self._life_us = tokens, marker, life_us
        self._frames: dict[tuple[object, ...], str] = {}

    def bid(
        self,
        market: Market,
        asked: Asked,
        chance: Opportunity,
        creative: Creative,
        log: Decided,
        made: Made,
        *,
        deal: str | None,
        seconds: int,
    ) -> Bid:
        """The bid. `seconds`: how long it holds."""
        picture = picture_of(creative, chance.sizes, secure=chance.secure) if chance.native is None else None
        until = log.at_us + self._life_us
        ids = {"decision_id": log.decision_id, "variant_id": log.variant, "campaign": log.campaign}
        signed = self._tokens.signed
        click = signed("click", **ids, person=log.person, expires_us=until, bound=creative.landing)
        view = signed("view", **ids, person=log.person, expires_us=until)
        frame = self._frame(market, asked, chance, creative, picture)
        win, bill, loss = self._notices(market.owner.public, view, made.text())
        return Bid(
            id=log.decision_id,
            impid=chance.imp.id,
            price=told_price(made.cpm, asked.money.rate),
            adm=frame.replace(_CLICK, click).replace(_VIEW, view),
            adomain=(market.owner.domain,),
            crid=f"{creative.variant_id}-{creative.digest[:8]}",
            cid=log.campaign,
            cat=creative.categories,
            cattax=creative.taxonomy,
            nurl=win,
            burl=bill,
            lurl=loss,
            iurl=picture.url if picture else "",
            w=picture.width if picture else None,
            h=picture.height if picture else None,
            mtype=BANNER if picture else NATIVE,
            dealid=deal,
            exp=seconds,
            language=creative.language,
            ext=_told(market, asked),
        )

    def _notices(self, public: str, token: str, made: str) -> tuple[str, str, str]:
        """nurl, burl, lurl. They carry the token of the view, so that one token less is made; their mark tells
        them apart."""
        of = self._marker.of
        return notices(*[f"{public}{PATH}{kind}/{token}?b={made}&k={of(kind, token, made)}" for kind in _KINDS])

    def _frame(
        self, market: Market, asked: Asked, chance: Opportunity, creative: Creative, picture: Picture | None
    ) -> str:
        """The markup, with names where the tokens belong."""
        ver = chance.imp.native.ver if chance.imp.native else None
        form = (picture,) if picture else (chance.native, ver, chance.secure)
        key = (creative.campaign, creative.variant_id, creative.landing, asked.rules.click_macro, *form)
        found = self._frames.get(key)
        if found is None:
            if len(self._frames) >= _MOST_KEPT:
                self._frames.clear()
            link = market.owner.public + click_path(_CLICK, creative.landing)
            pixel = market.owner.public + pixel_path(_VIEW)
            if picture is not None:
                found = banner_markup(
                    picture, creative, link=link, pixel=pixel, click_macro=asked.rules.click_macro
                )
            else:
                assert chance.native is not None  # noqa: S101 - an impression is a banner or native
                ad = native_answer(chance.native, creative, ver=ver, link=link, pixel=pixel, secure=chance.secure)
                found = (ad or b"").decode()
            self._frames[key] = found
        return found


_KINDS = (WIN, BILL, LOSS)


def _told(market: Market, asked: Asked) -> BidExt | None:
    """What the Digital Services Act wants to be told, where the request says so."""
    ext = asked.request.regs.ext if asked.request.regs else None
    if ext is None or ext.dsa is None or not ext.dsa.dsarequired:
        return None
    rules, brand = market.rules, market.owner.brand
    return BidExt(DsaAnswer(behalf=rules.behalf or brand, paid=rules.paid or brand))
