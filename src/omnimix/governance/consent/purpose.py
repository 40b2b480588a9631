"""The purposes that personal data may be used for.

in   nothing
out  Purpose
"""

from enum import StrEnum


class Purpose(StrEnum):
    """What personal data may be used for, each asked for by itself."""

    MEASUREMENT = "measurement"
    PERSONALISATION = "personalisation"
    ADVERTISING = "advertising"
    EMAIL = "email"
