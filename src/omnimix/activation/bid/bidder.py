"""The bidder of one worker: requests that wait together are decided, priced, paid for and journalled together.

in   Asked requests, the online store, a Purse, tokens; letters of what became of earlier bids
out  responses or no-bids; the money of lost bids back in the purse; win curves that learn

A bid is a decision like any other. Nobody saw the ad of a bid that was lost: what is billed goes to the journal
and counts for frequency caps, both in one turn. Until then a bid is known to its worker alone; should that be
killed, bids that were open and are billed later are in the books, but not in the journal. The price is taken from
the budget at once and given back when the bid is lost, so that however many of the open bids win, no cap is
broken. Of one person more bids than a cap allows may be open, for as long as bids live.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from omnimix.activation.bid.answer import Bid, response
from omnimix.activation.bid.ask import Asked, Refusal, is_theirs, match_key
from omnimix.activation.bid.curves import Curves, curve_key
from omnimix.activation.bid.fit import NoBid, Opportunity, Terms
from omnimix.activation.bid.maker import Maker
from omnimix.activation.bid.market import Market
from omnimix.activation.bid.notice import Made as Bidden
from omnimix.activation.bid.notice import Marker, Outcome, letters_to, opened
from omnimix.activation.bid.open_bids import Closed, OpenBid, OpenBids
from omnimix.activation.bid.price import micros_of, price_of
from omnimix.activation.decide.decide import DICE, Ask, Live, Made, decide_many
from omnimix.activation.decide.decision import Request
from omnimix.activation.decide.decision import packed as entry_of
from omnimix.activation.decide.grow import decided
from omnimix.activation.decide.pacing import SECOND, day_at, throttle
from omnimix.activation.decide.purse import RENEW_US, Purse
from omnimix.activation.decide.state import State, packed, permits, state_key, unpacked
from omnimix.activation.decide.stop import is_stopped
from omnimix.activation.decide.token import Tokens
from omnimix.activation.decide.turn import Named, people_of
from omnimix.governance.consent.purpose import Purpose
from omnimix.store.online import Change, OnlineStore

_NOBODY = Request()
_GRACE_S = 5  # after a bid's life, in which notices are still on their way
_CHANCE = 4  # random bytes for trying another price
_PURPOSES = (Purpose.ADVERTISING, Purpose.PERSONALISATION, Purpose.MEASUREMENT)


@dataclass(frozen=True, slots=True)
class Answered:
    """A response with bids. `worth`: how many."""

    body: bytes
    worth: int


class _Turn:
    """What one group of requests shares."""

    __slots__ = ("now_us", "open", "states", "stopped")

    def __init__(self, now_us: int, states: dict[str, State], stopped: frozenset[str]) -> None:
        self.now_us, self.states, self.stopped = now_us, states, stopped
        self.open: list[OpenBid] = []


class Bidder:
    """Belongs to one thread. `worker` names this start of the process, like no other; ads may be clicked `days`
    long."""

    def __init__(self, store: OnlineStore, worker: str, tokens: Tokens, secret: bytes, *, days: int) -> None:
        self.store, self.worker = store, worker
        self.marker = Marker(secret)
        self.maker = Maker(tokens, self.marker, life_us=days * 86_400 * SECOND)
        self.purse = Purse(store, worker, {})
        self.open, self.curves = OpenBids(), Curves(store)
        self._renewed_us = 0
        self._campaigns: dict[str, str] = {}  # campaign → time zone of its days
        self._channel = "display"

    def adopt(self, market: Market) -> None:
        """Take the budgets of a new release."""
        self.purse.adopt(market.paces)
        self._campaigns |= {c: p.timezone for c, p in market.paces.items()}
        self._channel = market.channel

    def bid(
        self, market: Market, asked: Sequence[Asked], now_us: int, stopped: frozenset[str]
    ) -> list[Answered | Refusal]:
        """Answer requests that wait together. Raises Unavailable when the store is full or away."""
        placement = market.rules.placement
        people = people_of(self.store, [Named(_NOBODY, m, placement) for m in self._marks(asked)])
        known = list(dict.fromkeys([p for p in people if p]))
        raw = self.store.read([state_key(p) for p in known]) if known else []
        stopped = frozenset(c for c in market.paces if is_stopped(stopped, c))
        turn = _Turn(now_us, {p: unpacked(v, p) for p, v in zip(known, raw, strict=True)}, stopped)
        answers = [self._answered(market, one, person, turn) for one, person in zip(asked, people, strict=True)]
        for made in turn.open:
            self.open.add(made)
        return answers

    def _marks(self, asked: Sequence[Asked]) -> list[tuple[str, ...]]:
        """The marks of each request, with ours for those of an exchange where they were matched."""
        theirs = [mark for one in asked for mark in one.marks if is_theirs(mark)]
        if not theirs:
            return [one.marks for one in asked]
        found = self.store.read([match_key(mark) for mark in theirs])
        ours = {mark: value.decode() for mark, value in zip(theirs, found, strict=True) if value}
        return [tuple([ours.get(mark, mark) for mark in one.marks]) for one in asked]

    def _answered(self, market: Market, asked: Asked, person: str, turn: _Turn) -> Answered | Refusal:
        bids: list[Bid] = []
        reason = NoBid.NOT_CHOSEN
        for chance in asked.chances:
            found = self._bid(market, asked, chance, person, turn)
            if isinstance(found, Bid):
                bids.append(found)
            else:
                reason = found
        if not bids:
            return Refusal(asked.request.id, reason)
        body = response(asked.request.id, bids, seat=asked.rules.seat, currency=asked.money.currency)
        return Answered(body, len(bids))

    def _bid(self, market: Market, asked: Asked, chance: Opportunity, person: str, turn: _Turn) -> Bid | NoBid:
        dice = os.urandom(DICE + _CHANCE)
        made = self._decided(market, asked, chance, person, turn, dice)
        if made.served is None or made.decided.chosen < 0:
            return NoBid.NOT_CHOSEN
        log = made.decided
        value = market.value(made.served, log.chosen, log.features)
        curve = curve_key(asked.exchange, chance.sizes)
        priced = self._priced(market, chance, value, curve, int.from_bytes(dice[DICE:], "big") / 2**32)
        if priced is None:
            return NoBid.BELOW_FLOOR
        cpm, terms = priced
        if not asked.test and not self._paid(log.campaign, cpm, turn.now_us, dice):
            return NoBid.DAILY_CAP
        seconds = chance.imp.exp or market.rules.life_seconds
        creative = market.creative(log.campaign, log.variant)
        bidden = Bidden(asked.exchange, cpm, self.worker, asked.money.currency, asked.test)
        bid = self.maker.bid(market, asked, chance, creative, log, bidden, deal=terms.deal, seconds=seconds)
        if not asked.test:
            until = turn.now_us + (seconds + _GRACE_S) * SECOND
            micros = micros_of(cpm)
            turn.open.append(
                OpenBid(
                    log.decision_id,
                    log.campaign,
                    log.person,
                    curve,
                    cpm,
                    micros,
                    turn.now_us,
                    until,
                    entry_of(log),
                )
            )
        return bid

    def _decided(
        self, market: Market, asked: Asked, chance: Opportunity, person: str, turn: _Turn, dice: bytes
    ) -> Made:
        """What the release would show here. A known person is asked for nothing they refused; who is not known is
        shown what concerns nobody."""
        consent: Mapping[str, bool] = {Purpose.ADVERTISING: True}
        if person:
            state = turn.states[person]
            consent = {p: permits(state, p, _PURPOSES) for p in _PURPOSES}
        placement = market.rules.placement
        request = Request(placement=placement, context=dict(asked.context), consent=dict(consent))
        ask = Ask(request, person, placement, 1, dice[:DICE])
        made, changed = decide_many(market.cut(chance.fits), [ask], turn.states, turn.now_us, Live(turn.stopped))
        turn.states |= changed
        return made[0][0]

    def _priced(
        self, market: Market, chance: Opportunity, value: int, curve: str, draw: float
    ) -> tuple[int, Terms] | None:
        """The price on the first terms that the value reaches, deals before the open auction."""
        rules = market.rules
        for terms in chance.terms:
            cpm = price_of(
                value,
                terms.floor,
                auction=terms.auction,
                curve=self.curves.of(curve),
                most=market.most,
                explore=rules.explore,
                draw=draw,
            )
            if cpm is not None:
                return cpm, terms
        return None

    def _paid(self, campaign: str, cpm: int, now_us: int, dice: bytes) -> bool:
        share = int.from_bytes(dice[20:24], "big") / 2**32  # as `decide` throttles
        return throttle(self.purse.chance(campaign, now_us), share) and self.purse.spend(
            campaign, micros_of(cpm), now_us
        )

    def look(self, now_us: int) -> list[Closed]:
        """Read letters, close bids, renew leases, learn: to be called ten times a second. What was closed."""
        closed, read = [], []
        prefix = letters_to(self.worker)
        for key, raw in self.store.scan(prefix):
            letter, decision_id = opened(raw), key[len(prefix) :].decode()
            read.append(key)
            found = self.open.told(decision_id, letter)
            if found is not None:
                closed.append(found)
            elif letter.outcome == Outcome.BILLED:  # later than the bid lived
                self.purse.spend(letter.campaign, micros_of(letter.cpm), now_us)
        closed += self.open.ended(now_us)
        for one in closed:
            self._settled(one, now_us)
        billed = [c.bid for c in closed if c.outcome is Outcome.BILLED]
        self._forget(read, billed)
        self.curves.share()
        if now_us - self._renewed_us >= RENEW_US:
            self._renewed_us = now_us
            self.purse.renew(now_us)
        return closed

    def _settled(self, closed: Closed, now_us: int) -> None:
        """Give back what the bid did not cost, and let its curve learn."""
        bid = closed.bid
        cost = micros_of(closed.cpm) if closed.outcome is Outcome.BILLED else 0
        zone = self._campaigns.get(bid.campaign, "UTC")
        same = day_at(zone, bid.at_us).number == day_at(zone, now_us).number
        if same and bid.micros > cost:  # yesterday's money is spent or lost: it is not today's
            self.purse.give_back(bid.campaign, bid.micros - cost, now_us)
        won = closed.outcome is not Outcome.LOST
        threshold = 0 if won else closed.cpm
        self.curves.saw(bid.curve, bid.cpm, won=won, threshold=threshold)

    def _forget(self, letters: Sequence[bytes], billed: Sequence[OpenBid]) -> None:
        """Remove letters that were read, journal what was billed and count it for caps, in one turn."""
        if not letters and not billed:
            return
        people = list(dict.fromkeys([b.person for b in billed if b.person]))

        def make(raw: list[bytes | None]) -> Change:
            states = {p: unpacked(v, p) for p, v in zip(people, raw, strict=True)}
            for one in [b for b in billed if b.person]:
                states[one.person] = decided(
                    states[one.person], campaign=one.campaign, channel=self._channel, at_us=one.at_us
                )
            values: dict[bytes, bytes | None] = dict.fromkeys(letters)
            return Change(values | {state_key(p): packed(s) for p, s in states.items()}, [b.entry for b in billed])

        self.store.change([state_key(p) for p in people], make)

    def close(self, now_us: int) -> None:
        """Give back leases. What open bids hold stays spent: they may still win."""
        self.curves.share(always=True)
        self.purse.close(now_us)
