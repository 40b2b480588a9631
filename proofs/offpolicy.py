"""[prove offpolicy] Off-policy estimates against published values, planted truth and logs that cannot tell.

in   the Open Bandit Dataset's uniformly random log; 1,000 simulated logs of 6,000 decisions for 3,000 people
out  the published values again; coverage of 95 % intervals; what happens without overlap

The simulated problem: four contexts, six arms, a softmax policy that ran and a sharper one as candidate; rewards
are rare orders with heavy-tailed margins, and a person's two decisions share luck. The reward model behind the
doubly robust estimator is deliberately wrong (it knows arms, not contexts).
"""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from omnimix.measurement.learn.offpolicy import Estimate, Logged, evaluate
from omnimix.testing.evidence import Figure

FloatArray = npt.NDArray[np.float64]

DATA = Path(__file__).parent / "data" / "open_bandit"
LOGS, PEOPLE, EACH = 1000, 3000, 2
CONTEXTS, ARMS = 4, 6


def figures() -> Iterator[Figure]:
    """Published values, coverage, refusal."""
    yield from _open_bandit()
    covered, widths = _simulated()
    for name, share in covered.items():
        yield Figure(f"offpolicy: coverage of 95 % intervals, {name}", f"{share:.3f}", "≥ 0.93", share >= 0.93)
    yield Figure("offpolicy: width, DR ÷ IPS", f"{widths:.2f}", "(no goal)", True)
    yield _refusal()


def _open_bandit() -> Iterator[Figure]:
    log = pq.read_table(DATA / "random_all.parquet")
    prior = json.loads((DATA / "prior_bts_all.json").read_text(encoding="utf-8"))
    item, place = log["item_id"].to_numpy(), log["position"].to_numpy() - 1
    chance = _thompson(np.array(prior["alpha"]), np.array(prior["beta"]))
    found = evaluate(
        Logged(
            reward=log["click"].to_numpy().astype(np.float64),
            probability=log["propensity_score"].to_numpy(),
            target=chance[item, place],
        )
    )
    for name, estimate, published in (("IPW", found.ips, 0.0045526), ("SNIPW", found.snips, 0.004776)):
        value = estimate.value if estimate else float("nan")
        close = abs(value / published - 1) <= 0.001
        yield Figure(f"offpolicy: Open Bandit {name}", f"{value:.7f}", f"{published} ± 0.1 %", close)


def _thompson(alpha: FloatArray, beta: FloatArray, *, draws: int = 100_000, slots: int = 3) -> FloatArray:
    """(arms, slots) how often Thompson sampling puts each arm into each slot.

    The stream of random numbers is the one behind the published value.
    """
    random = np.random.RandomState(12345)
    counts = np.zeros((len(alpha), slots))
    for _ in range(draws // 10_000):
        sampled = random.beta(alpha, beta, size=(10_000, len(alpha)))
        best = np.argsort(-sampled, axis=1)[:, :slots]
        for slot in range(slots):
            counts[:, slot] += np.bincount(best[:, slot], minlength=len(alpha))
    return counts / draws


def _softmax(scores: FloatArray) -> FloatArray:
    raised = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))


def _simulated() -> tuple[dict[str, float], float]:
    rng = np.random.default_rng(20261122)
    rate = rng.uniform(0.02, 0.10, (CONTEXTS, ARMS))  # orders per decision
    worth = 3000.0  # mean margin of an order, minor units
    ran = _softmax(8 * rng.standard_normal((CONTEXTS, ARMS)) * 0.1)
    candidate = _softmax(30 * rate)
    truth = float((candidate * rate).sum(axis=1).mean() * worth)
    base = float((ran * rate).sum(axis=1).mean() * worth)
    hits = dict.fromkeys(("IPS", "SNIPS", "DR", "gain"), 0)
    widths = []
    for _ in range(LOGS):
        found = evaluate(_log(rng, rate, worth, ran, candidate))
        pairs = {"IPS": found.ips, "SNIPS": found.snips, "DR": found.dr, "gain": found.gain}
        for name, estimate in pairs.items():
            hits[name] += _covers(estimate, truth - base if name == "gain" else truth)
        if found.dr and found.ips:
            widths.append(found.dr.error / found.ips.error)
    return {name: n / LOGS for name, n in hits.items()}, float(np.mean(widths))


def _covers(estimate: Estimate | None, truth: float) -> bool:
    return estimate is not None and estimate.low <= truth <= estimate.high


def _log(
    rng: np.random.Generator, rate: FloatArray, worth: float, ran: FloatArray, candidate: FloatArray
) -> Logged:
    person = np.repeat(np.arange(PEOPLE), EACH)
    context = rng.integers(CONTEXTS, size=len(person))
    arm = (ran[context].cumsum(axis=1) > rng.random(len(person))[:, None]).argmax(axis=1)
    mood = np.repeat(rng.choice([0.5, 1.5], PEOPLE), EACH)  # luck that a person's decisions share
    ordered = rng.random(len(person)) < rate[context, arm] * mood
    margin = worth * rng.lognormal(-0.5, 1.0, len(person))
    reward = np.where(ordered, margin, 0.0)
    model = rate.mean(axis=0) * worth  # knows the arms, not the contexts
    return Logged(
        reward=reward,
        probability=ran[context, arm],
        target=candidate[context, arm],
        person=person,
        predicted=model[arm],
        expected=candidate[context] @ model,
    )


def _refusal() -> Figure:
    """Candidates that the log cannot tell of: an arm hardly ever shown, an arm never shown, another world."""
    rng = np.random.default_rng(7)
    count = 5000
    rare = rng.random(count) < 0.002
    hardly = Logged(rng.random(count), np.where(rare, 0.002, 0.998), np.where(rare, 1.0, 0.0))
    never = Logged(rng.random(count), np.full(count, 0.5), np.full(count, 0.2))  # 60 % of it was never possible
    few = Logged(rng.random(50), np.full(50, 0.5), np.full(50, 0.5))
    refused = sum(
        bool(evaluate(log).overlap.refused) and evaluate(log).gain is None for log in (hardly, never, few)
    )
    return Figure("offpolicy: failures of overlap refused", f"{refused} of 3", "3 of 3", refused == 3)
