"""Feedback: what became of a decision, as ordinary track events of the Segment specification.

in   tokens that came back, or feedback that a sender reports; `[feedback]` of omnimix.toml
out  addresses that carry tokens; track events with decision_id, variant_id and campaign among their properties

An event of a decision names the decision; who saw it stands in the decision's own record. Feedback that came by a
token arrives under the source FEEDBACK, which no write key may have, so that its `person` can be believed.
"""

import hashlib
from functools import lru_cache
from typing import Annotated, Any, Literal
from urllib.parse import quote, urlsplit

import msgspec

from omnimix.activation.decide.token import Token, Tokens
from omnimix.core.errors import InvalidInput, NotAllowed
from omnimix.core.record import config

FEEDBACK = "feedback"  # the source of events that tokens brought
CLICKS, PIXELS = "/c/", "/o/"  # paths before tokens
MOST_REPORTS = 1_000  # of one call
SHOWN, CLICKED = ("Ad Viewed", "Email Opened"), ("Ad Clicked", "Email Link Clicked")  # events, by what they mean
_EVENTS = {
    "view": "Ad Viewed",
    "click": "Ad Clicked",
    "open": "Email Opened",
    "conversion": "Order Completed",
    "refund": "Order Refunded",
}
_Text = Annotated[str, msgspec.Meta(max_length=500)]


@config
class FeedbackRules:
    """`[feedback]`. A conversion is credited to the last click within `click_days`, else the last view within
    `view_days`. `keys` are numbers of the keys that tokens are read with; the newest, the last, makes them.
    """

    click_days: int = 7
    view_days: int = 1
    token_days: int = 30  # later than that a click still leads on, and counts no more
    keys: tuple[int, ...] = (1,)

    def __post_init__(self) -> None:
        for name in ("click_days", "view_days", "token_days"):
            if getattr(self, name) < 1:
                raise InvalidInput("it is below 1", where=f"feedback.{name}", fix="give whole days, 1 or more")
        if not self.keys or not all(1 <= n <= 255 for n in self.keys) or len(set(self.keys)) < len(self.keys):
            raise InvalidInput(
                "keys of tokens are different numbers from 1 to 255", where="feedback.keys", fix="give [1]"
            )


class Report(msgspec.Struct, frozen=True, rename="camel"):
    """Feedback as a caller sends it: a token, or a decision's id and what happened. Money in the major unit."""

    token: _Text = ""
    kind: Literal["", "view", "click", "open", "conversion", "refund"] = ""
    decision_id: _Text = ""
    variant_id: _Text = ""
    campaign: _Text = ""
    message_id: _Text = (
        ""  # the same feedback twice, told by it; left out, one is made of kind, decision and order
    )
    timestamp: _Text = ""  # RFC 3339; left out, when it arrived
    user_id: _Text = ""
    anonymous_id: _Text = ""
    order_id: _Text = ""
    revenue: float | None = None
    currency: _Text = ""
    product_id: _Text = ""
    quantity: int | None = None
    products: list[dict[str, Any]] | None = None


def click_path(token: str, url: str) -> str:
    """The path of a link that counts a click and leads to `url`. The token was signed with `bound=url`."""
    return f"{CLICKS}{token}?u={_quoted(url)}"


@lru_cache(maxsize=4_096)  # the targets of the variants that are served
def _quoted(url: str) -> str:
    return quote(url, safe="")


def pixel_path(token: str) -> str:
    """The path of a picture of one pixel that counts a view or an open."""
    return f"{PIXELS}{token}.gif"


def leads_somewhere(url: str) -> bool:
    """Whether a link may lead there: an absolute web address."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.netloc) and url.isprintable() and " " not in url


def event_of(token: Token, *, sender: str, secret: bytes, library: str) -> dict[str, Any]:
    """The track event of a token of a view, click or open. `sender` tells senders apart (agent and address).
    `library`: FOLLOWED where the visitor's own browser asked, so that the request speaks for the visitor.

    The same sender saying the same again gives the same message id; a link scanner that comes before the person
    does not take the person's click away. `secret` keys the id, so that it tells nothing of the sender.
    """
    return {
        "type": "track",
        "messageId": _message_id(secret, token.kind, token.decision_id, token.variant_id, sender),
        "event": _EVENTS[token.kind],
        "context": {"library": {"name": library}},
        "properties": {
            "decision_id": token.decision_id,
            "variant_id": token.variant_id,
            "campaign": token.campaign,
            "person": token.person,
        },
    }


def token_of(report: Report, tokens: Tokens, *, now_us: int) -> Token:
    """The token of a report that has one. Raises NotAllowed for one that is forged, expired or of another kind."""
    token = tokens.read(report.token)
    if token.lapsed(now_us):
        raise NotAllowed("the token has expired", fix="feedback counts for as long as feedback.token_days says")
    if token.kind not in ("view", "click", "open") or report.kind not in ("", token.kind):
        raise NotAllowed(f"the token is not for a {report.kind or token.kind}", fix="send it as it was given out")
    return token


def reported(report: Report, *, secret: bytes) -> dict[str, Any]:
    """The track event of a report without a token. Raises InvalidInput for one that names no decision.

    An order may leave the decision out: it is joined by person and window, like every order.
    """
    order = report.kind in ("conversion", "refund")
    if not report.kind or not (report.decision_id or (order and (report.user_id or report.anonymous_id))):
        raise InvalidInput("it names no decision", fix="give a token, or kind and decisionId")
    if order and not report.order_id:
        raise InvalidInput(f"a {report.kind} names its order", fix="give orderId")
    known = {
        "decision_id": report.decision_id,
        "variant_id": report.variant_id,
        "campaign": report.campaign,
        "order_id": report.order_id,
        "revenue": report.revenue,
        "currency": report.currency,
        "product_id": report.product_id,
        "quantity": report.quantity,
        "products": report.products,
    }
    made = _message_id(secret, report.kind, report.decision_id, report.variant_id, report.order_id)
    event = {
        "type": "track",
        "messageId": report.message_id or made,
        "event": _EVENTS[report.kind],
        "userId": report.user_id,
        "anonymousId": report.anonymous_id,
        "timestamp": report.timestamp,
        "properties": {k: v for k, v in known.items() if v not in ("", None)},
    }
    return {k: v for k, v in event.items() if v != ""}


def _message_id(secret: bytes, *parts: str) -> str:
    told = "\x1f".join(parts).encode("utf-8", "replace")
    return f"fb_{hashlib.blake2b(told, digest_size=16, key=secret).hexdigest()}"
