"""Decisions: what each of many requests is to be shown, from one release, in one go.

in   Serving, Asks (requests whose persons are resolved), the States of these persons, Live
out  for each Ask a Made per slot; the States that changed

Nothing here looks at a clock, a store or a source of chance: the same input gives the same decisions to the last
bit, alone or together, which is what makes a replay possible.

A campaign is drawn first, each that fills the placement with the same chance to be asked first; the first that has
something eligible decides. The probability that is logged is that of the variant within its campaign.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import msgspec
import numpy as np
import numpy.typing as npt

from omnimix.activation.decide.against import Against, Call, Now, against, ruled_out
from omnimix.activation.decide.decision import Decided, Request
from omnimix.activation.decide.grow import decided
from omnimix.activation.decide.moment import Moment, chances, chances_many
from omnimix.activation.decide.pacing import throttle
from omnimix.activation.decide.serving import MOST_PLACES, Chances, Served, Serving, chances_of, kept, masks
from omnimix.activation.decide.state import State
from omnimix.activation.decide.stop import is_stopped
from omnimix.activation.decide.story import told
from omnimix.activation.experiment.eligibility import Reason, blocking, reasons
from omnimix.activation.experiment.ladder import Rung
from omnimix.activation.experiment.lanes import BROAD_ONLY, lane_at

DICE = 24  # random bytes of one slot: 10 its id, 7 the draw, 7 which campaign is asked first and who takes part
UNKNOWN = "unknown"  # the lane of who no run has met, or refuses measurement: they see the broad creative
MEASUREMENT, PERSONALISATION = "measurement", "personalisation"
_BLOCKING = {rung: blocking(rung).value for rung in Rung}
_WORD = {rung: rung.value for rung in Rung}  # asking an enumeration takes longer
_NOTHING = Chances([], [], [], b"")
_BUDGET = Reason.BUDGET.value


class Ask(msgspec.Struct, frozen=True):
    """A request whose person is known. `dice`: DICE random bytes for each slot."""

    request: Request
    person: str  # as the online state names a person; empty: nobody
    placement: str  # a name that the release has
    slots: int
    dice: bytes
    robot: bool = False


@dataclass(frozen=True, slots=True)
class Live:
    """What changes between releases. A campaign without a budget is in neither mapping."""

    stopped: frozenset[str] = frozenset()  # as `stop.stopped` finds it
    chance: Mapping[str, float] = field(default_factory=dict)  # with which an opportunity takes part, [0, 1]
    showings: Mapping[str, int] = field(default_factory=dict)  # that may still be paid for in this turn


class Made(msgspec.Struct, frozen=True):
    """One slot decided. `served` None: no campaign fills the placement."""

    decided: Decided
    served: Served | None
    content: msgspec.Raw
    why: str


class _Pick:
    """What is known of one slot before the chances are."""

    __slots__ = (
        "against",
        "ask",
        "at",
        "call",
        "dice",
        "fit",
        "lane",
        "measured",
        "pool",
        "rung",
        "segment",
        "served",
        "step",
        "x",
    )

    def __init__(self, at: int, ask: Ask, call: Call, dice: bytes, served: Served | None) -> None:
        self.at, self.ask, self.call, self.dice, self.served = at, ask, call, dice, served
        self.measured = call.permits(MEASUREMENT)
        self.segment = self.lane = ""
        self.rung = Rung.BROAD
        self.step = self.pool = self.fit = 0
        self.against: Against = []
        self.x: npt.NDArray[np.float32] | None = None


def decide_many(
    serving: Serving, asks: Sequence[Ask], states: Mapping[str, State], now_us: int, live: Live
) -> tuple[list[list[Made]], dict[str, State]]:
    """Decide every slot of every Ask. A person's slots, also over several Asks, see what came before them.

    `states` has who is known; the second result holds those that changed.
    """
    made: list[list[Made]] = [[] for _ in asks]
    changed: dict[str, State] = {}
    left = dict(live.showings)
    now = Now(now_us, serving.hour(now_us), serving.assumed)
    waiting: Sequence[int] = range(len(asks))
    while waiting:
        busy: set[str] = set()
        picks, later = [], []
        for at in waiting:
            person = asks[at].person
            if person in busy:
                later.append(at)
                continue
            if person:
                busy.add(person)
            state = changed.get(person) or states.get(person) or State(person)
            picks.append(_picked(serving, asks[at], at, state, now, made[at], live, left))
        for pick, found in zip(picks, _chances(picks), strict=True):
            one = _made(serving, pick, found)
            made[pick.at].append(one)
            if pick.ask.person and one.decided.chosen >= 0:
                campaign, channel = one.decided.campaign, one.decided.channel
                changed[pick.ask.person] = decided(
                    pick.call.state, campaign=campaign, channel=channel, at_us=now_us
                )
        waiting = [p.at for p in picks if len(made[p.at]) < p.ask.slots] + later
    return made, changed


def _picked(
    serving: Serving,
    ask: Ask,
    at: int,
    state: State,
    now: Now,
    before: Sequence[Made],
    live: Live,
    left: dict[str, int],
) -> _Pick:
    """One slot's campaign, rung and eligible places."""
    request, placement = ask.request, ask.placement
    taken = [m.decided.variant for m in before if m.decided.variant]
    place = serving.placements[placement]
    call = Call(state, now, placement, place, request.context, request.consent, ask.robot, taken)
    dice = ask.dice[DICE * len(before) : DICE * (len(before) + 1)]
    filling = serving.filling[placement]
    if request.campaign is not None:
        filling = tuple([s for s in filling if s.campaign == request.campaign])
    if len(filling) > 1:
        first = int.from_bytes(dice[17:20], "big") % len(filling)
        filling = filling[first:] + filling[:first]
    found: _Pick | None = None
    for served in filling:
        pick = _looked(serving, _Pick(at, ask, call, dice, served), served, live, left)
        if pick.fit:
            return pick
        found = found or pick
    return found or _Pick(at, ask, call, dice, None)


def _looked(serving: Serving, pick: _Pick, served: Served, live: Live, left: dict[str, int]) -> _Pick:
    """What one campaign may show in this slot."""
    call = pick.call
    state = call.state
    personal = pick.measured and call.permits(PERSONALISATION)
    pick.segment = state.segment if personal else BROAD_ONLY
    if not state.profile_id or not pick.measured:
        pick.lane, pick.rung = UNKNOWN, Rung.BROAD
    else:
        pick.lane = lane_at(serving.point(state.profile_id), served.running.slices)
        pick.rung = served.rung(pick.segment, pick.lane)
        if not personal and pick.rung is not Rung.NONE:
            pick.rung = Rung.BROAD
    pick.pool, pick.step = _pool(served, pick, state)
    pick.against = against(served.sets, call, stopped=is_stopped(live.stopped, served.campaign))
    pick.fit = pick.pool & ~ruled_out(pick.against, _BLOCKING[pick.rung])
    if pick.fit and served.cost and not _paid(served.campaign, pick, live, left):
        pick.against.append((_BUDGET, served.sets.everything))
        pick.fit = 0
    if pick.fit and personal and served.features is not None:
        pick.x = served.features.vector(state, pick.ask.request.context, call.now.us)
    return pick


def _paid(campaign: str, pick: _Pick, live: Live, left: dict[str, int]) -> bool:
    """Whether the campaign takes part and has a showing left that is paid for, which is then set aside."""
    chance, draw = live.chance.get(campaign, 1.0), int.from_bytes(pick.dice[20:24], "big") / 2**32
    if left.get(campaign, 0) < 1 or not throttle(chance, draw):
        return False
    left[campaign] -= 1
    return True


def _pool(served: Served, pick: _Pick, state: State) -> tuple[int, int]:
    """The places that the rung may show, and the step of the story.

    Without declared stories a person is at the step of as many variants as they clicked. For whom no story is, or
    is over, `sequence` shows what `segment` does.
    """
    if pick.rung is not Rung.SEQUENCE:
        return served.pool(pick.segment, pick.rung, 0), 0
    if not served.stories:
        step = sum([state.engaged[v][3] > 0 for v in state.engaged.keys() & served.sets.places.keys()])
        return served.pool(pick.segment, pick.rung, step), step
    found = told(served.stories, state, pick.call.now.us)
    if found is None:
        return served.pool(pick.segment, Rung.SEGMENT, 0), 0
    story, step = found
    return sum([served.sets.places[v] for v in set(story.steps[step].variants)]), step


def _chances(picks: Sequence[_Pick]) -> list[Chances]:
    """The chances of each pick's eligible places; what one moment model is asked is asked at once."""
    found: list[Chances] = []
    asked: dict[str, tuple[Served, Moment, list[int]]] = {}
    for place, pick in enumerate(picks):
        served = pick.served
        if served is None or not pick.fit:
            found.append(_NOTHING)
        elif pick.rung is Rung.MOMENT and served.moment is not None and pick.x is not None:
            asked.setdefault(served.campaign, (served, served.moment, []))[2].append(place)
            found.append(_NOTHING)
        else:
            found.append(served.chances(pick.segment, pick.fit))
    for served, moment, places in asked.values():
        vectors = [x for p in places if (x := picks[p].x) is not None]
        for place, one in zip(
            places, by_moment(served, moment, vectors, [picks[p].fit for p in places]), strict=True
        ):
            found[place] = one
    return found


def by_moment(
    served: Served, moment: Moment, vectors: Sequence[npt.NDArray[np.float32]], fits: Sequence[int]
) -> list[Chances]:
    """The chances of N sets of places by the moment model, for N vectors of features."""
    columns = [served.columns(fit) for fit in fits]
    if len(fits) == 1:
        return [chances_of(columns[0], chances(moment, vectors[0], columns[0]))]
    many = chances_many(moment, np.stack(vectors), masks(fits, len(served.variants)))
    return [chances_of(c, row[c]) for c, row in zip(columns, many, strict=True)]


def _made(serving: Serving, pick: _Pick, found: Chances) -> Made:
    served, call = pick.served, pick.call
    draw = (int.from_bytes(pick.dice[10:17], "big") >> 3) / (1 << 53)
    chosen, probability = found.drawn(draw) if found.columns else (-1, 1.0)
    few = served is None or served.sets.everything < MOST_PLACES
    asked = served is not None and pick.rung is Rung.MOMENT and pick.x is not None
    log = Decided(
        decision_id=f"dec_{pick.dice[:10].hex()}",
        at_us=call.now.us,
        person=call.state.person if pick.measured else "",
        campaign=served.campaign if served else "",
        placement=call.placement,
        channel=call.place.channel,
        release=serving.release.release_id,
        snapshot=served.snapshot_id if served else "",
        model=served.model if served and asked else "",
        segment=pick.segment,
        lane=pick.lane,
        rung=_WORD[pick.rung],
        step=pick.step,
        draw=draw,
        against=pick.against if few else [(reason, kept(places)) for reason, places in pick.against],
        pool=kept(pick.pool),
        eligible=kept(pick.fit),
        chances=found.kept,
        chosen=chosen,
        variant=served.variants[chosen] if served and chosen >= 0 else "",
        probability=probability,
        features=pick.x.tobytes() if pick.x is not None else b"",
        cost=served.cost if served and chosen >= 0 else 0,
    )
    if served is None or chosen < 0:
        return Made(log, served, serving.defaults[call.placement], _why(pick))
    return Made(log, served, served.contents[chosen], "")


def _why(pick: _Pick) -> str:
    """Why there is nothing to show, in a few words."""
    if pick.served is None:
        return "no campaign fills the placement"
    if pick.rung is Rung.NONE:
        return "the lane gets no message"
    held = [reason for reason, places in pick.against if places & pick.pool]
    return "no eligible variant: " + ", ".join(reasons(sum(held))) if held else "no eligible variant"
