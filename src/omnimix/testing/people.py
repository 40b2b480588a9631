"""Generated people and what records say of them: several records a person, with the slips that people make.

in   how many records, a seed
out  details as the vault keeps them, and which person each is of. Nobody here exists
"""

from collections.abc import Iterator

import numpy as np

_ONSET = (*tuple("bcdfghjklmnprstvwyz"), "br", "ch", "dr", "fl", "gr", "kr", "mc", "qu", "sh", "st", "tr")
_VOWEL = (*tuple("aeiou"), "ai", "ea", "ie", "oa", "ou", "ee")
_CODA = (*tuple("dlmnrstx"), "ck", "ff", "ll", "nd", "ng", "nt", "rd", "rs", "st", "tt")
_STREETS = ("Street", "Road", "Lane", "Avenue", "Close", "Way", "Hill", "Gardens")


def _words(count: int, syllables: int, random: np.random.Generator) -> list[str]:
    """Made-up words, all different."""
    found: dict[str, None] = {}
    while len(found) < count:
        longest = random.integers(1, syllables + 1, size=count)
        onsets, vowels = random.choice(_ONSET, (count, syllables)), random.choice(_VOWEL, (count, syllables))
        codas = random.choice(_CODA, count)
        for row, many in enumerate(longest.tolist()):
            parts = [onsets[row, n] + vowels[row, n] for n in range(many)]
            found.setdefault(("".join(parts) + codas[row]).capitalize())
    return list(found)[:count]


def _zipf(size: int, random: np.random.Generator, count: int, *, flat: float = 60.0) -> np.ndarray:
    """Places of words, the first ones more often: as names are."""
    chance = 1.0 / (np.arange(size) + flat)
    return random.choice(size, size=count, p=chance / chance.sum())


def _slip(text: str, random: np.random.Generator) -> str:
    """One letter left out, doubled, exchanged with its neighbour, or another."""
    if len(text) < 3:
        return text
    place, kind = int(random.integers(1, len(text) - 1)), int(random.integers(4))
    before, letter, after = text[:place], text[place], text[place + 1 :]
    if kind == 0:
        return before + after
    if kind == 1:
        return before + letter + letter + after
    if kind == 2:
        return before + after[:1] + letter + after[1:]
    return (
        before + ("x" if letter.isalpha() else str((int(letter) + 1) % 10) if letter.isdigit() else letter) + after
    )


def _code(number: int, person: int) -> str:
    return f"{number % 10}{chr(65 + person % 26)}{chr(65 + person // 26 % 26)}"


def records(size: int, *, seed: int, per_person: float = 1.5) -> Iterator[tuple[int, dict[str, str]]]:
    """`size` records as (person, field → value), in random order; about `per_person` of them a person.

    Of a person's records after the first, a tenth of the values of each field are slips, a tenth are missing.
    """
    random = np.random.default_rng(seed)
    people = int(size / per_person)
    first, last = _words(3_000, 2, random), _words(60_000, 3, random)
    towns, roads = _words(2_000, 3, random), _words(20_000, 3, random)
    whose = np.concatenate([np.arange(people), random.integers(people, size=size - people)])
    random.shuffle(whose)
    names, surnames = _zipf(3_000, random, people), _zipf(60_000, random, people)
    town, road = _zipf(2_000, random, people), random.integers(20_000, size=people)
    days, house = random.integers(0, 25_000, size=people), random.integers(1, 200, size=people)
    numbers, code = random.integers(10**9, size=people), random.integers(2_000, size=people)
    since = np.datetime64("1940-01-01")
    spoilt = random.random((size, 7))
    seen = np.zeros(people, dtype=np.bool_)
    for row, person in enumerate(whose.tolist()):
        i = person
        values = {
            "first_name": first[names[i]],
            "last_name": last[surnames[i]],
            "birth_date": str(since + days[i]),
            "address": f"{house[i]} {roads[road[i]]} {_STREETS[i % 8]}",
            "city": towns[town[i]],
            "postcode": f"{towns[town[i]][:2].upper()}{code[i] % 100} {_code(code[i], i)}",
            "phone": f"+44{numbers[i]:010d}",
        }
        if seen[person]:
            for place, name in enumerate(tuple(values)):
                if spoilt[row, place] < 0.1:
                    del values[name]
                elif spoilt[row, place] < 0.2:
                    values[name] = _slip(values[name], random)
        seen[person] = True
        yield person, values
