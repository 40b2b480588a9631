"""What is compared of two records: fields in one form, levels of likeness, and the values pairs are looked for by.

in   columns of text as people gave them
out  SQL for the matching engine: normal forms, comparison levels (the first that holds counts), blocking rules
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Level:
    """One degree of likeness of a field. `sql` compares `<field>_l` with `<field>_r`; empty: anything else.

    `m` and `u`: the chance of this level among pairs of one person, and of two; shipped values, for too little
    data.
    """

    says: str
    sql: str
    m: float
    u: float


@dataclass(frozen=True, slots=True)
class Compared:
    """A field and its levels, the likest first. `common`: a rare value that agrees says more than a common one."""

    name: str
    normal: str
    levels: tuple[Level, ...]
    common: bool = False


# Letters and digits of any script, without accents and capitals.
_PLAIN = "nullif(regexp_replace(lower(strip_accents({0})), '[^\\p{{L}}\\p{{N}}]', '', 'g'), '')"
_WORDS = "nullif(trim(regexp_replace(lower(strip_accents({0})), '[^\\p{{L}}\\p{{N}}]+', ' ', 'g')), '')"
# 24/06/1971, 1971-06-24 and 19710624 are one day; written otherwise it is compared as it stands.
_DAY = (
    "nullif(regexp_replace(regexp_replace({0}, '^\\s*(\\d\\d)[./-](\\d\\d)[./-](\\d{{4}}).*$', '\\3\\2\\1'), "
    "'^(\\d{{4}})\\D?(\\d\\d)\\D?(\\d\\d).*$', '\\1\\2\\3'), '')"
)


def _plain(column: str) -> str:
    return _PLAIN.format(column)


def _distance(field: str, most: int) -> str:
    return f"damerau_levenshtein({field}_l, {field}_r) <= {most}"


def _alike(field: str, least: float) -> str:
    return f"jaro_winkler_similarity({field}_l, {field}_r) >= {least}"


def _same(field: str) -> str:
    return f"{field}_l = {field}_r"


def _name(field: str, other: str, full: str, *extra: Level) -> Compared:
    swapped = f"({field}_l = {other}_r OR {other}_l = {field}_r)"
    levels = (
        Level("the same", _same(field), 0.52, 0.004),
        Level("first and last name swapped", swapped, 0.06, 0.0015),
        Level("nearly the same", _alike(field, 0.92), 0.15, 0.0015),
        Level("alike", _alike(field, 0.8), 0.09, 0.006),
        *extra,
        Level("different", "", 0.18 - sum(x.m for x in extra), 0.987 - sum(x.u for x in extra)),
    )
    word = "split_part({0}, ' ', 1)" if field == "first_name" else "regexp_extract({0}, '[^ ]+$')"
    from_full = _plain(word.format(_WORDS.format(full)))
    return Compared(field, f"coalesce({_plain(field)}, {from_full})", levels, common=True)


FIELDS: tuple[Compared, ...] = (
    _name(
        "first_name",
        "last_name",
        "name",
        Level("the same initial", "left(first_name_l, 1) = left(first_name_r, 1)", 0.03, 0.05),
    ),
    _name("last_name", "first_name", "name"),
    Compared(
        "birth_date",
        _DAY.format("birth_date"),
        (
            Level("the same", _same("birth_date"), 0.75, 0.0008),
            Level("one digit off", _distance("birth_date", 1), 0.12, 0.002),
            Level("two digits off", _distance("birth_date", 2), 0.05, 0.015),
            Level("the same year", "left(birth_date_l, 4) = left(birth_date_r, 4)", 0.02, 0.012),
            Level("different", "", 0.06, 0.97),
        ),
    ),
    Compared(
        "email",
        "nullif(lower(trim(email)), '')",
        (
            Level("the same", _same("email"), 0.6, 0.0002),
            Level(
                "the same before the @", "split_part(email_l, '@', 1) = split_part(email_r, '@', 1)", 0.1, 0.0005
            ),
            Level("alike", _alike("email", 0.88), 0.1, 0.0008),
            Level("different", "", 0.2, 0.9985),
        ),
    ),
    Compared(
        "phone",
        _plain("phone"),
        (
            Level("the same", _same("phone"), 0.65, 0.0001),
            Level("one digit off", _distance("phone", 1), 0.05, 0.0002),
            Level("different", "", 0.3, 0.9997),
        ),
    ),
    Compared(
        "address",
        _WORDS.format("address"),
        (
            Level("the same", _same("address"), 0.4, 0.0002),
            Level("nearly the same", _alike("address", 0.9), 0.3, 0.0006),
            Level("alike", _alike("address", 0.75), 0.1, 0.004),
            Level("different", "", 0.2, 0.9952),
        ),
    ),
    Compared(
        "city",
        _plain("city"),
        (
            Level("the same", _same("city"), 0.7, 0.02),
            Level("alike", _alike("city", 0.88), 0.15, 0.005),
            Level("different", "", 0.15, 0.975),
        ),
        common=True,
    ),
    Compared(
        "postcode",
        _plain("postcode"),
        (
            Level("the same", _same("postcode"), 0.68, 0.0008),
            Level("one character off", _distance("postcode", 1), 0.12, 0.004),
            Level("the same area", "left(postcode_l, 3) = left(postcode_r, 3)", 0.06, 0.02),
            Level("different", "", 0.14, 0.9752),
        ),
    ),
    Compared(
        "number",  # of a passport, a card, an insurance: whatever else is told of few people
        _plain("number"),
        (
            Level("the same", _same("number"), 0.8, 0.0001),
            Level("one character off", _distance("number", 1), 0.1, 0.0001),
            Level("two characters off", _distance("number", 2), 0.02, 0.0005),
            Level("different", "", 0.08, 0.9993),
        ),
    ),
)
RAW = tuple(dict.fromkeys(["name", *(field.name for field in FIELDS)]))

# Records that share one of these values are compared. Values that many share are left out.
TIGHT = (
    "email",
    "phone",
    "number",
    "first_name || '|' || last_name",
    "last_name || '|' || birth_date",
    "first_name || '|' || birth_date",
    "birth_date || '|' || postcode",
    "birth_date || '|' || city",
    "last_name || '|' || postcode",
    "first_name || '|' || postcode",
    "left(address, 12) || '|' || postcode",
)
# These find more, and cost more than they find among millions.
LOOSE = (
    "birth_date",
    "split_part(email, '@', 1)",
    "first_name || '|' || city",
    "last_name || '|' || city",
    "first_name || '|' || left(birth_date, 4)",
    "last_name || '|' || left(birth_date, 4)",
    "left(first_name, 3) || '|' || left(last_name, 3)",
    "address",
    "left(address, 12)",
    "postcode || '|' || city",
    "postcode || '|' || left(birth_date, 4)",
)
LOOSE_UNTIL = 200_000  # records
