"""Pseudonyms: a personal identifier becomes `kind:<32 hex>`, the same for ever under one workspace key.

in   user ids, anonymous ids, e-mail addresses, phone numbers as people typed them
out  normalised identifiers, and their HMAC-SHA256 (RFC 2104) cut to 128 bits
"""

import hashlib
import re
from enum import StrEnum

import phonenumbers

from omnimix.core.errors import InvalidInput
from omnimix.governance.keys import WorkspaceKey

_EMAIL = re.compile(r"[^@\s,;<>\"]+@[^@\s,;<>\"]+\.[^@\s,;<>\".]{2,}")
_WHOLE = re.compile(r"(\d+)\.0+")
_BLOCK = 64  # bytes that SHA-256 takes at a time
_INNER, _OUTER = bytes(0x36 ^ b for b in range(256)), bytes(0x5C ^ b for b in range(256))
_NOBODY = {"", "null", "none", "nan", "undefined", "(not set)", "0", "00000000-0000-0000-0000-000000000000"}


class KeyKind(StrEnum):
    """Kinds of person keys, the strongest first: a record goes under the first it has."""

    USER = "user"
    ANONYMOUS = "anon"
    EMAIL = "email"
    PHONE = "phone"
    HANDLE = "handle"  # of a social network, as `network:name`


def normalised(kind: KeyKind, value: str, *, region: str = "GB") -> str | None:
    """The identifier in the one form that is compared; None where it names nobody.

    User and anonymous ids are trimmed (spreadsheets' `17850.0` is `17850`); e-mail is trimmed and in lower case;
    phone numbers become E.164, read as of `region` when they have no country code. Raises InvalidInput for an
    e-mail or phone that cannot be one. A handle loses its `@` and its capitals: networks tell them apart by
    neither.
    """
    text = value.strip()
    if text.lower() in _NOBODY:
        return None
    if kind is KeyKind.EMAIL:
        address = text.lower().removeprefix("mailto:")
        if not _EMAIL.fullmatch(address):
            raise InvalidInput("is not an e-mail address")
        return address
    if kind is KeyKind.PHONE:
        return _e164(text, region)
    if kind is KeyKind.HANDLE:
        return text.lower().replace("@", "").replace(" ", "")
    whole = _WHOLE.fullmatch(text)
    return whole[1] if whole else text


def _e164(text: str, region: str) -> str:
    try:
        number = phonenumbers.parse(text.lstrip("'"), region)
    except phonenumbers.NumberParseException:
        raise InvalidInput(f"is not a phone number (read as of region {region})") from None
    if not phonenumbers.is_possible_number(number):
        raise InvalidInput(f"is not a phone number (read as of region {region})")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


class Pseudonyms:
    """Makes the pseudonyms of one workspace. `of` takes normalised identifiers."""

    def __init__(self, key: WorkspaceKey) -> None:
        # The two hashes of an HMAC, with the key already in them: that is most of the work for a short text.
        padded = key.subkey("pseudonym").ljust(_BLOCK, b"\0")
        self._inner = hashlib.sha256(padded.translate(_INNER))
        self._outer = hashlib.sha256(padded.translate(_OUTER))

    def of(self, kind: str, value: str) -> str:
        """`kind:` and 32 hex characters; without the key nobody can compute or reverse it."""
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(f"{kind}\x1f{value}".encode())
        outer.update(inner.digest())
        return f"{kind}:{outer.hexdigest()[:32]}"
