"""GPP strings: what a person in the United States said about selling and targeting; where the TCF string is.

in   `regs.gpp`, `regs.gpp_sid`
out  the sections by id; whether someone opted out

IAB Tech Lab, Global Privacy Platform string 1.0: a header that lists section ids as a Fibonacci-coded range, then
the sections, joined by `~`. Section 2 is a TCF string, 6 a US Privacy string; 7 and above are the United States,
national and by state (IAB Privacy, MSPA technical specifications). Of these, the sections whose fields are known
here are read; any other that applies counts as an opt-out, because nobody here can say that it is none.
"""

import base64
import binascii
from functools import lru_cache

from omnimix.core.errors import InvalidInput

TCF_EU, US_PRIVACY, US_NATIONAL = 2, 6, 7
_LONGEST = 10_000
_VERSION_BITS, _ANSWER_BITS = 6, 2
_OPTED_OUT = 1
# Places (0-based, two bits each, behind the version) of the answers on sale, sharing and targeted advertising.
_ANSWERS = {
    7: (6, 7, 8),  # national
    8: (3, 4),  # California: sale, sharing
    9: (3, 4),  # Virginia
    10: (3, 4),  # Colorado
    11: (4, 5),  # Utah
    12: (3, 4),  # Connecticut
}


@lru_cache(maxsize=4096)
def sections(text: str) -> dict[int, str]:
    """The sections of a GPP string by id. Raises InvalidInput when it is none."""
    header, *rest = text.split("~")
    bits = _bits(header) if len(text) <= _LONGEST else ""
    if bits[:12] != "000011000001":
        raise InvalidInput("is no GPP string of version 1")
    ids = _range(bits[12:])
    if len(ids) != len(rest):
        raise InvalidInput("is a GPP string whose header names other sections than it has")
    return dict(zip(ids, rest, strict=True))


def opted_out(text: str, applying: tuple[int, ...]) -> bool:
    """Whether a section that applies says no to sale, sharing or targeting, or cannot be read."""
    wanted = [s for s in applying if s >= US_PRIVACY]
    if not wanted:
        return False
    try:
        found = sections(text)
        return any(_says_no(s, found[s]) if s in found else True for s in wanted)
    except InvalidInput:
        return True


def us_privacy_opt_out(text: str) -> bool:
    """Whether a US Privacy string (1.0: version, notice, opt-out, LSPA) says no; a malformed one counts as a no.

    `1---` says that the law does not apply.
    """
    if len(text) != 4 or text[0] != "1" or any(c not in "YNyn-" for c in text[1:]):
        return True
    return text[2] in "Yy"


def _says_no(section: int, text: str) -> bool:
    if section == US_PRIVACY:
        return us_privacy_opt_out(text)
    places = _ANSWERS.get(section)
    if places is None:
        return True
    core, *others = text.split(".")
    bits = _bits(core)
    answers = [bits[_VERSION_BITS + _ANSWER_BITS * p :][:_ANSWER_BITS] for p in places]
    if any(len(a) < _ANSWER_BITS for a in answers):
        raise InvalidInput("is a GPP section that was cut short")
    # A further segment of type 1 holds one bit: Global Privacy Control.
    control = any(_bits(o)[:3] == "011" for o in others)
    return control or any(int(a, 2) == _OPTED_OUT for a in answers)


def _bits(text: str) -> str:
    try:
        raw = base64.b64decode(text + "A" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise InvalidInput("is no GPP string") from None
    return "".join(f"{byte:08b}" for byte in raw)[: 6 * len(text)]


def _range(bits: str) -> list[int]:
    if len(bits) < 12:
        raise InvalidInput("is a GPP string that was cut short")
    count, at, last, found = int(bits[:12], 2), 12, 0, list[int]()
    for _ in range(count):
        many = bits[at : at + 1] == "1"
        step, at = _fibonacci(bits, at + 1)
        last += step
        found.append(last)
        if many:
            more, at = _fibonacci(bits, at)
            found.extend(range(last + 1, last + more + 1))
            last += more
        if len(found) > 64:
            raise InvalidInput("is a GPP string with too many sections")
    return found


def _fibonacci(bits: str, at: int) -> tuple[int, int]:
    """The number that begins at a bit, and where the next begins."""
    end = bits.find("11", at)
    if end < 0 or end - at > 40:
        raise InvalidInput("is a GPP string that was cut short")
    total, one, two = 0, 1, 2
    for bit in bits[at : end + 1]:
        total += one * (bit == "1")
        one, two = two, one + two
    return total, end + 2
