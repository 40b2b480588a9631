"""Feedback: what became of a decision, as ordinary track events of the Segment specification.

in   tokens that came back, or feedback that a sender reports; `[feedback]` of omnimix.toml
out  track events with decision_id, variant_id and campaign among their properties

An event of a decision names the decision; who saw it stands in the decision's own record. Feedback that came by a
token arrives under the source FEEDBACK, which no write key may have, so that its `person` can be believed.
"""

import hashlib
from typing import Any

from omnimix.activation.decide.token import Token
from omnimix.core.errors import InvalidInput
from omnimix.core.record import config

FEEDBACK = "feedback"  # the source of events that tokens brought
EVENTS = {"view": "Ad Viewed", "click": "Ad Clicked", "open": "Email Opened"}  # by kind of token
SHOWN, CLICKED = ("Ad Viewed", "Email Opened"), ("Ad Clicked", "Email Link Clicked")


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


def event_of(token: Token, *, sender: str, secret: bytes) -> dict[str, Any]:
    """The track event of a token of EVENTS that came back. `sender` tells senders apart (agent and address).

    The same sender saying the same again gives the same message id; a link scanner that comes before the person
    does not take the person's click away. `secret` keys the id, so that it tells nothing of the sender.
    """
    told = "\x1f".join((token.kind, token.decision_id, token.variant_id, sender)).encode("utf-8", "replace")
    return {
        "type": "track",
        "messageId": f"fb_{hashlib.blake2b(told, digest_size=16, key=secret).hexdigest()}",
        "event": EVENTS[token.kind],
        "properties": {
            "decision_id": token.decision_id,
            "variant_id": token.variant_id,
            "campaign": token.campaign,
            "person": token.person,
        },
    }
