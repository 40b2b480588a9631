"""Ad exchanges: bid requests and notices over HTTP.

in   POST /openrtb2/bid?key=KEY (OpenRTB 2.6 and 2.5); GET or POST /openrtb2/{win,bill,loss}/<token>
out  200 with bids; 204, or 200 with `nbr`, for none; 400 for a body that is no bid request; 204 for a notice

A request is answered within its `tmax`, less what the exchange's rules reserve for the way; what would come later
is a no-bid, and so is what goes wrong here. Requests that wait at the same time are decided together. A win or a
bill is on disk before it is acknowledged, and counts once however often it is told.
"""

import asyncio
import time
import traceback
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs

import msgspec
import structlog

from omnimix.activation.bid.answer import no_bid
from omnimix.activation.bid.ask import Asked, Refusal, read_asked
from omnimix.activation.bid.bidder import Answered, Bidder
from omnimix.activation.bid.fit import NoBid
from omnimix.activation.bid.market import Market, Owner
from omnimix.activation.bid.notice import (
    BILL,
    LOSS,
    PATH,
    SOURCE,
    WIN,
    Letter,
    Outcome,
    billed_cpm,
    event_of,
    letter_key,
    opened,
    sealed,
    told_cpm,
)
from omnimix.activation.bid.notice import Made as Bidden
from omnimix.activation.bid.spec import Exchange
from omnimix.activation.decide.token import Token
from omnimix.core.errors import InvalidInput, NotAllowed, OmnimixError
from omnimix.data.live.call import Sender, read_call
from omnimix.store.online import Change
from omnimix.web.answer import Answer, Headers, Refused
from omnimix.web.desk import Desk
from omnimix.web.endpoint import Endpoint, Gauge, body_of

_BID = "/openrtb2/bid"
_MOST_BODY = 256 << 10
_MOST = 100  # requests of one turn
_LOOK_SECONDS = 0.1
_WORTH_PACKING = 1_024  # bytes of an answer
_VERSION = (("x-openrtb-version", "2.6"),)
_JSON = (("content-type", "application/json"), *_VERSION)
_EMPTY = Answer(204, headers=_VERSION)
log = structlog.get_logger("omnimix.bid")


@dataclass(slots=True)
class _Waiting:
    """A request that waits for its turn."""

    asked: Asked
    until: float  # monotonic seconds
    done: "asyncio.Future[Answered | Refusal]"


class Bidding(Endpoint):
    """Answers exchanges."""

    paths = (_BID, PATH)

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        file = desk.settings.file
        self._rules, self._signals = file.bid, file.consent
        self._keys = {f"key={exchange.key}": name for name, exchange in file.bid.exchanges.items()}
        self._owner = Owner.of(desk.settings.brand, currency=file.workspace.currency, public=desk.serve.public_url)
        self._bidder: Bidder = desk.bidder
        self._market: Market | None = None
        self._waiting: list[_Waiting] = []
        self._counters = {name: desk.tally.counter("bid_requests", answer=name) for name in ("bid", "invalid")}
        self._billed = desk.tally.counter("bid_micros_billed")
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False

    def begin(self, loop: asyncio.AbstractEventLoop) -> None:
        """Read letters and learn from now on."""
        self._loop = loop
        if self._keys:
            loop.call_later(_LOOK_SECONDS, self._look)

    def close(self) -> None:
        """Give back leases."""
        self._closed = True
        if self._keys:
            self._bidder.close(self.desk.now_us())

    def gauges(self) -> list[Gauge]:
        """Bids whose end is not known yet."""
        return [
            ("bids_open", "Bids of this worker that are neither lost, billed nor over.", len(self._bidder.open))
        ]

    def _look(self) -> None:
        if self._closed or self._loop is None:
            return
        try:
            self._bidder.look(self.desk.now_us())
        except Exception as error:  # whatever it is, the next look may succeed
            _tell_fault("looking after bids", error)
        self._loop.call_later(_LOOK_SECONDS, self._look)

    async def answer(self, scope: Any, protocol: Any) -> Answer:
        """By path."""
        if scope.path == _BID:
            if scope.method != "POST":
                raise Refused(405, "bids are asked for with POST", ("allow", "POST"))
            return await self._asked(scope, protocol)
        if scope.method not in ("GET", "POST"):
            raise Refused(405, "notices are sent with GET or POST", ("allow", "GET, POST"))
        return await self._noticed(scope)

    async def _asked(self, scope: Any, protocol: Any) -> Answer:
        started = time.monotonic()
        exchange = self._keys.get(scope.query_string) or self._keys.get(_key_in(scope.query_string))
        if exchange is None:
            raise Refused(401, "the key of the exchange is missing or unknown")
        rules = self._rules.exchanges[exchange]
        body = await body_of(scope.headers, protocol, most=_MOST_BODY, seconds=self.desk.serve.seconds)
        try:
            asked = read_asked(body, exchange, rules, self._current(), self._signals, self.desk.pseudonyms.of)
            found = asked if isinstance(asked, Refusal) else await self._bid(asked, rules, started)
        except InvalidInput as error:
            self._counters["invalid"].add()
            raise Refused(400, error.message, *_VERSION) from None
        except Exception as error:  # a fault of ours: an exchange that sees it often would stop asking
            _tell_fault("bidding", error)
            found = Refusal("", NoBid.UNKNOWN)
        if isinstance(found, Refusal):
            return self._refused(found, rules)
        self._counters["bid"].add()
        return _packed(found.body, scope.headers.get("accept-encoding"))

    def _current(self) -> Market | None:
        """What the served release offers exchanges."""
        serving = self.desk.decider.serving
        if serving is None:
            return None
        if self._market is None or self._market.serving is not serving:
            self._market = Market(serving, self._rules, self._owner)
            self._bidder.adopt(self._market)
        return self._market

    async def _bid(self, asked: Asked, rules: Exchange, started: float) -> Answered | Refusal:
        loop = asyncio.get_running_loop()
        tmax = asked.request.tmax
        until = started + max(tmax - rules.reserve_ms, 0) / 1000 if tmax else float("inf")
        waiting = _Waiting(asked, until, loop.create_future())
        if not self._waiting:
            loop.call_soon(self._turn)
        self._waiting.append(waiting)
        return await waiting.done

    def _turn(self) -> None:
        """Decide what waits; what is too late is no longer bid upon."""
        group, self._waiting = self._waiting, []
        now = time.monotonic()
        for place in range(0, len(group), _MOST):
            part = group[place : place + _MOST]
            for one, answer in zip(part, self._answers(part, now), strict=True):
                if not one.done.done():  # whoever asked may have gone
                    one.done.set_result(answer)

    def _answers(self, part: Sequence[_Waiting], now: float) -> list[Answered | Refusal]:
        """One answer for each; none is left waiting, whatever happens."""
        found: list[Answered | Refusal] = [Refusal(w.asked.request.id, NoBid.TOO_LATE) for w in part]
        timely = [place for place, w in enumerate(part) if w.until > now]
        try:
            market = self._current()
            assert market is not None  # noqa: S101 - what waits was read by one
            asked = [part[place].asked for place in timely]
            made = self._bidder.bid(market, asked, self.desk.now_us(), self.desk.stops.now)
        except Exception as error:  # a fault of ours, or the online state is away: no bids
            _tell_fault("bidding", error)
            made = [Refusal(part[place].asked.request.id, NoBid.TECHNICAL) for place in timely]
        for place, answer in zip(timely, made, strict=True):
            found[place] = answer
        return found

    def _refused(self, refusal: Refusal, rules: Exchange) -> Answer:
        name = refusal.reason.name.lower()
        counter = self._counters.get(name)
        if counter is None:
            counter = self._counters[name] = self.desk.tally.counter("bid_requests", answer=name)
        counter.add()
        if rules.no_bid == "empty" or not refusal.request_id:
            return _EMPTY
        return Answer(200, no_bid(refusal.request_id, refusal.reason), _JSON)

    async def _noticed(self, scope: Any) -> Answer:
        kind, _, token_text = scope.path[len(PATH) :].partition("/")
        said = {name: values[0] for name, values in parse_qs(scope.query_string, keep_blank_values=True).items()}
        if kind not in (WIN, BILL, LOSS):
            raise Refused(404, "there is nothing here: bids are asked for at /openrtb2/bid")
        try:
            made = self._bidder.marker.check(said.get("k", ""), kind, token_text, said.get("b", ""))
            token = self.desk.tokens.read(token_text)
        except NotAllowed:
            raise Refused(404, "this notice is not one of ours") from None
        exchange = self._rules.exchanges.get(made.exchange)
        if kind == WIN and exchange is not None and exchange.billed_on == WIN:
            kind = BILL
        await self._booked(kind, token, made, said)
        return Answer(204)

    async def _booked(self, kind: str, token: Token, made: Bidden, said: dict[str, str]) -> None:
        rate = self._rules.decimal_rates(self._owner.currency).get(made.currency, Decimal(1))
        price = said.get("p", "")
        if kind == LOSS:
            least = told_cpm(said.get("m", ""), rate) or 0
            self._write(made, token, Letter(Outcome.LOST, least, token.campaign))
            return
        cpm = billed_cpm(price, made, rate)
        if cpm is None:
            return
        late = token.lapsed(self.desk.now_us())
        event = event_of(kind, token, made, cpm=cpm, price=price, late=late)
        body = msgspec.json.encode({"batch": [event]})
        found = read_call("batch", body, secret=self.desk.secret)
        if not await self.desk.keep("batch", SOURCE, found, body, Sender()):
            return
        if kind == BILL:
            self._billed.add(-(-cpm // 1000))
        outcome = Outcome.BILLED if kind == BILL else Outcome.WON
        self._write(made, token, Letter(outcome, cpm, token.campaign))

    def _write(self, made: Bidden, token: Token, letter: Letter) -> None:
        key, value = letter_key(made.worker, token.decision_id), sealed(letter)
        try:
            self.desk.online.change([key], lambda held: Change({key: _stronger(held[0], letter, value)}))
        except OmnimixError as error:  # the event is kept: books are right, the budget learns later
            log.error("a notice does not reach its bid", why=str(error))


def _tell_fault(doing: str, error: Exception) -> None:
    place = traceback.extract_tb(error.__traceback__)[-1]
    log.error(f"a fault in {doing}", error=type(error).__name__, at=f"{place.filename}:{place.lineno}")


def _key_in(query: str) -> str:
    """The key in a query that says more than that."""
    return f"key={parse_qs(query).get('key', [''])[0]}"


def _stronger(held: bytes | None, letter: Letter, value: bytes) -> bytes:
    """A bill outweighs a win, a win a loss, in whatever order they come."""
    return held if held is not None and opened(held).outcome >= letter.outcome else value


def _packed(body: bytes, accepted: str | None) -> Answer:
    if len(body) < _WORTH_PACKING or "gzip" not in (accepted or ""):
        return Answer(200, body, _JSON)
    packing = zlib.compressobj(1, wbits=zlib.MAX_WBITS | 16)
    headers: Headers = (*_JSON, ("content-encoding", "gzip"))
    return Answer(200, packing.compress(body) + packing.flush(), headers)
