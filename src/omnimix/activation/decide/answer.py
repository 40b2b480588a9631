"""What a caller is answered: slots with content, reasons in words, addresses that count.

in   what was Made, the release it was made from, Tokens
out  Answer
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache

import msgspec

from omnimix.activation.decide.decide import Made
from omnimix.activation.decide.decision import FRESH_S, Answer, Kept, Slot
from omnimix.activation.decide.feedback import click_path, pixel_path
from omnimix.activation.decide.serving import unkept
from omnimix.activation.decide.token import Tokens, told_of
from omnimix.activation.experiment.eligibility import Reason, reasons

_SECOND = 1_000_000
_NAME = {int(reason): reasons(int(reason))[0] for reason in Reason}


def answer_of(made: Sequence[Made], *, release: str, now_us: int, tokens: Tokens | None, token_us: int) -> Answer:
    """The Answer to one request. `tokens`: makes addresses that count for `token_us` microseconds; None: none."""
    slots = [_slot(one, tokens, now_us + token_us) for one in made]
    return Answer(slots, release, _until(now_us // _SECOND + FRESH_S))


def _slot(made: Made, tokens: Tokens | None, expires_us: int) -> Slot:
    log, served = made.decided, made.served
    if served is None or log.chosen < 0:
        return Slot(
            log.decision_id,
            None,
            made.content,
            campaign=log.campaign or None,
            lane=log.lane or None,
            rung=log.rung if served else None,
            why=made.why,
            excluded=excluded(log.against, log.pool),
        )
    click = seen = None
    if tokens is not None:
        url = served.running.offers[log.chosen].content.url
        about = told_of(log.decision_id, log.variant, log.campaign, log.person)
        click = click_path(tokens.sealed("click", about, expires_us=expires_us, bound=url), url)
        kind = "open" if log.channel == "email" else "view"
        seen = pixel_path(tokens.sealed(kind, about, expires_us=expires_us))
    return Slot(
        log.decision_id,
        log.variant,
        made.content,
        campaign=log.campaign,
        probability=log.probability,
        lane=log.lane,
        rung=log.rung,
        excluded=excluded(log.against, log.pool),
        click=click,
        seen=seen,
    )


def excluded(against: Sequence[tuple[int, Kept]], pool: Kept) -> dict[str, int]:
    """How many of the places in `pool` each reason ruled out, by its name."""
    within = unkept(pool)
    if not within:
        return {}
    counted = {}
    for reason, places in against:
        if ruled := (places if type(places) is int else unkept(places)) & within:
            counted[_NAME[reason]] = ruled.bit_count()
    return counted


@lru_cache(maxsize=4)
def _until(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def encoded(answer: Answer) -> bytes:
    """As JSON."""
    return _ENCODER.encode(answer)


_ENCODER = msgspec.json.Encoder()
