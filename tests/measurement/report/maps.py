"""Made-up journey maps of any size, for looking at the picture and for measuring it.

in   number of steps, seed
out  JourneyMap whose moves add up
"""

import random
from datetime import datetime

from omnimix.audience.journey.journey import EXIT, OPEN, OTHER, START, JourneyMap, Move, Step

NAMES = (
    "Page Viewed",
    "Product List Viewed",
    "Product Viewed",
    "Products Searched",
    "Product Added",
    "Cart Viewed",
    "Checkout Started",
    "Payment Info Entered",
    "1st order",
    "2nd order",
    "Product Removed",
    "Coupon Entered",
    "Account Created",
    "Email Link Clicked",
)
LONG = (
    "Supercalifragilisticexpialidocious_event_{}",
    "Step {} after a very long campaign landing page with tracking",
)


def made_map(count: int, *, seed: int, long_names: bool = False) -> JourneyMap:
    """A map of `count` steps, OTHER among them, in which people mostly go on to the next one."""
    dice = random.Random(seed)
    names = [NAMES[i] if i < len(NAMES) else f"Custom event number {i}" for i in range(count - 1)]
    if long_names:
        names = [LONG[i % 2].format(i) for i in range(count - 1)]
    names.append(OTHER)
    moves: dict[tuple[str, str], int] = {}
    for i, step in enumerate(names):
        ways = {
            t: dice.random() * (9 if j == i + 1 else 2 if j > i else 1) / (1 + abs(i - j))
            for j, t in enumerate(names)
        }
        ways |= {EXIT: dice.uniform(0.3, 3), OPEN: dice.uniform(0, 0.5)}
        visits = round(80_000 / (1 + i))
        for target, weight in ways.items():
            times = round(visits * weight / sum(ways.values()))
            if times:
                moves[step, target] = times
        if i < 2 or dice.random() < 0.5:
            moves[START, step] = visits // 5 + 1
    out: dict[str, int] = {}
    for (step, _target), times in moves.items():
        out[step] = out.get(step, 0) + times
    return JourneyMap(
        as_of=datetime(2026, 1, 1),
        before=datetime(2025, 10, 1),
        within_days=180,
        events=sum(n for s, n in out.items() if s != START),
        unidentified_events=0,
        profiles=60_000,
        sessions=90_000,
        steps=tuple(Step(s, out[s], out[s] // 2, 0.1) for s in names),
        moves=tuple(Move(s, t, n, n * 2 // 3 + 1, n / out[s], None, None, None) for (s, t), n in moves.items()),
        funnel=(),
        repeat=(),
        mediums=(),
        stages=(),
        stage_moves=(),
        history=(),
    )
