"""Money: integer minor units (pence, cents) with an ISO 4217 currency. Never a float.

in   minor units, or a decimal text
out  Money records; arithmetic refuses to mix currencies
"""

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation

from omnimix.core.errors import InvalidInput

# ISO 4217 currencies whose minor unit is not 1/100.
_EXPONENT = {
    "JPY": 0,
    "KRW": 0,
    "VND": 0,
    "CLP": 0,
    "ISK": 0,
    "HUF": 2,
    "BHD": 3,
    "KWD": 3,
    "OMR": 3,
    "TND": 3,
}
_SYMBOL = {"GBP": "£", "EUR": "€", "USD": "$", "JPY": "¥"}


def exponent(currency: str) -> int:
    """Decimal places of the currency's minor unit."""
    return _EXPONENT.get(currency, 2)


@dataclass(frozen=True, slots=True, order=True)
class Money:
    """An amount in integer minor units of `currency`."""

    minor: int
    currency: str

    @classmethod
    def parse(cls, text: str, currency: str) -> "Money":
        """Read a decimal major-unit amount such as `12.50`. Raises InvalidInput when it is not one."""
        try:
            amount = Decimal(text.strip())
            if not amount.is_finite():
                raise InvalidOperation
        except InvalidOperation:
            raise InvalidInput(f"{text!r} is not an amount of money", fix="write it like 12.50") from None
        scaled = amount.scaleb(exponent(currency)).quantize(Decimal(1), rounding=ROUND_HALF_EVEN)
        return cls(int(scaled), currency)

    def major(self) -> Decimal:
        """The amount in major units, exact."""
        return Decimal(self.minor).scaleb(-exponent(self.currency))

    def _same(self, other: "Money") -> None:
        if self.currency != other.currency:
            raise InvalidInput(f"cannot combine {self.currency} with {other.currency}")

    def __add__(self, other: "Money") -> "Money":
        self._same(other)
        return Money(self.minor + other.minor, self.currency)

    def __sub__(self, other: "Money") -> "Money":
        self._same(other)
        return Money(self.minor - other.minor, self.currency)

    def __neg__(self) -> "Money":
        return Money(-self.minor, self.currency)

    def __str__(self) -> str:
        places = exponent(self.currency)
        symbol = _SYMBOL.get(self.currency)
        number = f"{abs(self.major()):,.{places}f}"
        sign = "-" if self.minor < 0 else ""
        return f"{sign}{symbol}{number}" if symbol else f"{sign}{number} {self.currency}"
