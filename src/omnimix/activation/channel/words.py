"""Words and forms that the bulk files of several platforms share.

in   goals, calls to action, money, dates
out  the platform's word for each, and back
"""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import TypeVar

from omnimix.core.errors import InvalidInput
from omnimix.core.money import Money, exponent

T = TypeVar("T")


def word(words: Mapping[T, str], of: T, *, where: str) -> str:
    """The platform's word. Raises InvalidInput that lists what there is a word for."""
    if of not in words:
        known = ", ".join(sorted(str(w) for w in words))
        raise InvalidInput(f"the file has no word for {str(of)!r}", where=where, fix=f"use one of {known}")
    return words[of]


def meaning(words: Mapping[T, str], cell: str, *, where: str) -> T:
    """What the platform's word means. Raises InvalidInput."""
    for of, text in words.items():
        if text.casefold() == cell.strip().casefold():
            return of
    raise InvalidInput(
        f"{cell!r} is not one of {', '.join(words.values())}", where=where, fix="restore the file's words"
    )


def amount(money: Money, currency: str, *, where: str) -> str:
    """Major units with the currency's decimals: `12.50`. Raises InvalidInput for another currency."""
    if money.currency != currency:
        raise InvalidInput(
            f"a budget in {money.currency} cannot go to an account in {currency}",
            where=where,
            fix="set the same currency for workspace and account",
        )
    return f"{money.major():.{exponent(currency)}f}"


def money(cell: str, currency: str, *, where: str) -> Money:
    """Read what `amount` wrote."""
    try:
        scaled = Decimal(cell.replace(",", "").strip()).scaleb(exponent(currency))
    except InvalidOperation:
        raise InvalidInput(f"{cell!r} is not an amount", where=where, fix="write it like 12.50") from None
    return Money(int(scaled), currency)
