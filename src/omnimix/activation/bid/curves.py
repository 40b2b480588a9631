"""The win curves of a worker: counted here, added up in the online store, fitted again as they grow.

in   bids that won and lost, by exchange and size
out  the Curve that holds for an exchange and size now

Counts of all workers stand under `c:<exchange> <size>`. Those of an exchange over all sizes are the prior of each.
"""

import msgspec

from omnimix.activation.bid.win_curve import PRIOR, Curve, Tally, fitted
from omnimix.store.online import Change, OnlineStore

KEY = b"w:"  # win curves; `c:` is online state that a rebuild makes anew
_LEAST = 20  # bids seen anew before a curve is fitted again
_EVERY = 20  # looks between two times that counts are shared
_MOST = 1  # curves that are fitted in one look: somebody waits
_ENCODER, _DECODER = msgspec.msgpack.Encoder(), msgspec.msgpack.Decoder(Tally)


def curve_key(exchange: str, sizes: tuple[tuple[int, int], ...]) -> str:
    """Which curve an impression belongs to: its exchange and first size, or native."""
    return f"{exchange} {sizes[0][0]}x{sizes[0][1]}" if sizes else f"{exchange} native"


class Curves:
    """Belongs to one thread."""

    def __init__(self, store: OnlineStore) -> None:
        self._store = store
        self._new: dict[str, Tally] = {}
        self._curves: dict[str, Curve] = {}
        self._looks = 0
        for key, raw in sorted(store.scan(KEY)):  # an exchange comes before its sizes
            name = key[len(KEY) :].decode()
            self._fit(name, _DECODER.decode(raw))

    def of(self, key: str) -> Curve:
        """The curve that holds now."""
        return self._curves.get(key) or self._curves.get(key.partition(" ")[0]) or PRIOR

    def saw(self, key: str, cpm: int, *, won: bool, threshold: int = 0) -> None:
        """Count a bid, and the least price that would have won where it was told."""
        for name in (key.partition(" ")[0], key):
            tally = self._new.setdefault(name, Tally.empty())
            tally.saw(cpm, won=won)
            if threshold:
                tally.saw_threshold(threshold)

    def share(self, *, always: bool = False) -> None:
        """Add what was counted to what all workers counted, and fit again: now and then, unless `always`."""
        self._looks += 1
        if not always and self._looks % _EVERY:
            return
        ripe = [name for name, tally in self._new.items() if always or tally.total >= _LEAST]
        ripe.sort(key=lambda name: (-self._new[name].total, name))  # an exchange before its sizes
        for name in ripe if always else ripe[:_MOST]:
            self._fit(name, self._added(name, self._new.pop(name)))

    def _added(self, name: str, tally: Tally) -> Tally:
        whole = tally

        def make(raw: list[bytes | None]) -> Change:
            nonlocal whole
            before = Tally.empty() if raw[0] is None else _DECODER.decode(raw[0])
            whole = before.plus(tally)
            return Change({key: _ENCODER.encode(whole)})

        key = KEY + name.encode()
        self._store.change([key], make)
        return whole

    def _fit(self, name: str, tally: Tally) -> None:
        above = name.partition(" ")[0]
        prior = PRIOR if name == above else self._curves.get(above, PRIOR)
        self._curves[name] = fitted(tally, prior)
