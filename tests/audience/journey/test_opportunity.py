from datetime import datetime

import numpy as np
import pyarrow as pa
from journeys import AS_OF

from omnimix.audience.journey.insight import Comparison, Difference
from omnimix.audience.journey.journey import EXIT, START, JourneyMap, Step
from omnimix.audience.journey.opportunity import Chain, fit_opportunities, point_gains, values
from omnimix.audience.journey.rates import BLOCKS

# 100 paths begin at view; of 100 views 40 go on to cart, of those 10 to an order worth 50 each.
MOVES = {
    (START, "view"): 100,
    ("view", "cart"): 40,
    ("view", EXIT): 60,
    ("cart", "order"): 10,
    ("cart", EXIT): 30,
    ("order", EXIT): 10,
}
STEPS = ("view", "cart", "order")
STATES = {name: i for i, name in enumerate((START, *STEPS, EXIT))}


def chain() -> Chain:
    moves, revenue = np.zeros((5, 5)), np.zeros(5)
    for (a, b), n in MOVES.items():
        moves[STATES[a], STATES[b]] = n
    revenue[STATES["order"]] = 1000
    return Chain(STEPS, moves, revenue)


def test_values_are_the_margin_still_to_come() -> None:
    found = values(chain(), margin_share=0.5)
    assert found.round(9).tolist() == [5.0, 5.0, 12.5, 50.0, 0.0]  # 500 of margin over 100, 100, 40, 10 visits


def test_a_point_more_is_what_recounting_with_it_gives() -> None:
    gains = point_gains(chain(), margin_share=0.5)
    # One of a hundred views more goes on to the cart: worth 12.5. 0.4 carts more go on to an order: 0.4 × 50.
    assert gains[STATES["view"]].round(9) == 12.5
    assert gains[STATES["cart"]].round(9) == 20.0
    assert gains[STATES[START]] == gains[STATES[EXIT]] == 0


def test_steps_are_ranked_with_intervals_and_the_best_group() -> None:
    rows = [
        {"block": b, "step": a, "next_step": c, "moves": n * (1 + (b + n) % 3)}
        for b in range(BLOCKS)
        for (a, c), n in MOVES.items()
    ]
    money = [{"block": b, "step": "order", "revenue_minor": 1000 * (1 + b % 2)} for b in range(BLOCKS)]
    journey = JourneyMap(
        as_of=AS_OF, before=AS_OF, within_days=9, events=1, unidentified_events=0, profiles=1, sessions=1,
        steps=tuple(Step(s, 1, 1, 0.1) for s in STEPS), moves=(), funnel=(), repeat=(), mediums=(), stages=(),
        stage_moves=(), history=(),
    )  # fmt: skip
    better = Difference(
        "move", "cart", EXIT, "desktop", 9, 50, 100, 0.5, 80, 100, 0.8, -0.3, -0.4, -0.2, 0.001, 0.002, True, None
    )
    found = fit_opportunities(
        pa.Table.from_pylist(rows),
        pa.Table.from_pylist(money),
        journey,
        [Comparison("device", 7, (), 0, 0.05, (better,))],
        currency="GBP",
        margin_share=0.5,
        horizon_days=7,
        first_at=datetime(2026, 1, 1),
    )
    assert {o.step for o in found.items} == {"view", "cart"}
    assert [o.point_minor for o in found.items] == sorted((o.point_minor for o in found.items), reverse=True)
    for o in found.items:
        assert 0 < o.low <= o.point_minor <= o.high
        assert o.grade == "model"
    cart = next(o for o in found.items if o.step == "cart")
    assert (cart.best_by, cart.best_group, cart.best_share) == ("device", "desktop", 0.5)
    assert cart.best_minor is not None
    assert abs(cart.best_minor - cart.point_minor * 15) < 1e-6  # half of all leave 30 points less often
    assert next(o for o in found.items if o.step == "view").best_minor is None
