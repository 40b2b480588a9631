"""Sessions: a random token in a cookie, its hash in the ledger, an end after hours of silence.

in   an Account that showed its password; later the token
out  the token; the Account it stands for; tokens against forged requests (CSRF)
"""

import hashlib
import hmac
import secrets
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from omnimix.governance import audit
from omnimix.governance.access.account import Account, account
from omnimix.governance.access.rows import SignInRow

IDLE, LONGEST = timedelta(hours=2), timedelta(hours=12)
_FRESH = timedelta(minutes=1)  # how stale `seen_at` may be: not every request writes


def sign_in(session: Session, who: Account, *, now: datetime) -> str:
    """Begin a session and return its token: 256 random bits, to be kept in a cookie and nowhere else."""
    token = secrets.token_urlsafe(32)
    session.add(SignInRow(token=_hash(token), name=who.name, made_at=now, seen_at=now))
    audit.append(
        session, actor=who.name, action="account.sign_in", subject=f"account/{who.name}", detail={}, now=now
    )
    return token


def signed_in(session: Session, token: str, *, now: datetime) -> Account | None:
    """Whose session it is; None for a token nobody has, one that ran out, or a closed account."""
    row = session.get(SignInRow, _hash(token))
    if row is None:
        return None
    who = account(session, row.name)
    if who.closed or now - row.seen_at > IDLE or now - row.made_at > LONGEST:
        session.delete(row)
        session.flush()
        return None
    if now - row.seen_at > _FRESH:
        row.seen_at = now
    return who


def sign_out(session: Session, token: str) -> None:
    """End a session; one that is over already stays so."""
    row = session.get(SignInRow, _hash(token))
    if row is not None:
        session.delete(row)
        session.flush()


def form_token(token: str, secret: bytes) -> str:
    """What a form of this session must carry: a MAC of the session's token, so that no other site can know it."""
    return hmac.new(secret, token.encode(), hashlib.sha256).hexdigest()


def form_is_ours(token: str, given: str, secret: bytes) -> bool:
    """Whether a form came from this session's own pages, in constant time."""
    return hmac.compare_digest(form_token(token, secret), given)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
