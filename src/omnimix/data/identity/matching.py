"""The matching engine: records in memory, pairs worth comparing, training, weights. Nothing is written to disk.

in   what records say of people, in the clear
out  a trained MatchModel, blocks (hashes that stand for shared values), pairs with their match weight

Splink (Linacre et al., Int. J. Population Data Science 7(3), 2022) estimates; what to compare is decided here, and
weights are added up in one query, so that the same code compares everybody with everybody, and at once a few new
records with their like.
"""

import logging
from collections.abc import Iterable, Sequence
from math import log2
from types import TracebackType
from typing import Any

import pyarrow as pa
from splink import DuckDBAPI, Linker, block_on

from omnimix.data.identity.fields import FIELDS, LOOSE, RAW, TIGHT
from omnimix.data.identity.model import FLOOR, SHIPPED, MatchModel, read_chances, splink_settings, weight_columns
from omnimix.governance.vault import Detail

logging.getLogger("splink").setLevel(logging.ERROR)  # it tells its progress to whoever listens

_AT_ONCE = 50_000  # records made into a table at once
SAMPLE, _FEW = 100_000, 1_000  # records that training looks at; so few that it looks at all pairs
_RANDOM_PAIRS, _EM_PAIRS, _SEED = 1e6 + 1, 400_000, 20260101  # Splink warns of its own default, 1e6
_SURE = (  # rules under which two records are surely one person's, and the share of matches these may find
    ("l.email = r.email AND l.last_name = r.last_name"),
    ("l.phone = r.phone AND l.last_name = r.last_name"),
    ("l.number = r.number AND (l.last_name = r.last_name OR l.first_name = r.first_name)"),
    ("l.first_name = r.first_name AND l.last_name = r.last_name AND l.birth_date = r.birth_date"),
    ("l.first_name = r.first_name AND l.last_name = r.last_name AND l.postcode = r.postcode"),
)
_RECALL = 0.6
_SESSIONS: tuple[tuple[str, ...], ...] = (
    ("first_name", "last_name"),
    ("birth_date",),
    ("email",),
    ("postcode", "last_name"),
    ("address",),
)


class Matching:
    """Records under comparison. Use as a context manager: what is in memory goes away with it."""

    def __init__(self, *, memory: str, threads: int = 2) -> None:
        self._api = DuckDBAPI()
        self._con = self._api.duckdb_con
        self._con.execute(f"SET memory_limit = '{memory}'; SET threads = {threads}; SET temp_directory = ''")
        self._con.execute("SET enable_progress_bar = false; SET preserve_insertion_order = false")
        told = ", ".join(f"{name} VARCHAR" for name in RAW)
        self._con.execute(f"CREATE TABLE told (record BIGINT, owner VARCHAR, {told})")
        normal = ", ".join(f"{field.normal} AS {field.name}" for field in FIELDS)
        self._normal = f"SELECT record, owner, {normal} FROM told"
        self._tables = 0

    def __enter__(self) -> "Matching":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._con.close()

    @property
    def version(self) -> str:
        """Of the engine whose hashes stand in the blocks."""
        return str(self.rows("SELECT version()")[0][0])

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """The rows of a query, as tuples."""
        found: list[tuple[Any, ...]] = self._con.execute(query).fetchall()
        return found

    def arrow(self, query: str) -> pa.Table:
        """The rows of a query."""
        return self._con.sql(query).to_arrow_table()

    def run(self, statement: str) -> None:
        """Run a statement."""
        self._con.execute(statement)

    def register(self, name: str, rows: pa.Table) -> None:
        """Let queries read a table under a name."""
        self._con.register(name, rows)

    def tell(self, details: Iterable[Detail]) -> int:
        """Take records in. Returns how many."""
        some: list[Detail] = []
        count = 0
        for detail in details:
            some.append(detail)
            if len(some) == _AT_ONCE:
                count += self._insert(some)
                some = []
        return count + (self._insert(some) if some else 0)

    def _insert(self, some: Sequence[Detail]) -> int:
        rows = pa.table(
            {
                "record": pa.array([d.number for d in some], pa.int64()),
                "owner": pa.array([d.owner for d in some], pa.string()),
                **{name: pa.array([d.values.get(name) for d in some], pa.string()) for name in RAW},
            }
        )
        self.register("more", rows)
        self._con.execute("INSERT INTO told SELECT * FROM more")
        self._con.unregister("more")
        return len(some)

    def normalise(self) -> None:
        """Bring what was told into one form; records are compared in it. Once all is told."""
        self._con.execute(f"CREATE OR REPLACE TABLE people AS {self._normal}")
        self._con.execute("DELETE FROM told")

    def add(self) -> None:
        """Bring what was told since into the same form, too."""
        self._con.execute(f"INSERT INTO people {self._normal}")
        self._con.execute("DELETE FROM told")

    def blocks(self, *, loose: bool, where: str = "true") -> pa.Table:
        """Values that records may share, as hashes: block (uint64), record. The engine's hash, not yet keyed."""
        rules = [*TIGHT, *(LOOSE if loose else ())]
        made = " UNION ALL ".join(
            f"SELECT hash('{place}|' || {rule}) AS block, record FROM people"
            f" WHERE ({rule}) IS NOT NULL AND {where}"
            for place, rule in enumerate(rules)
        )
        return self.arrow(made)

    def train(self) -> MatchModel:
        """Estimate the chances from the records here: u from random pairs, m by expectation maximisation."""
        sampled = f"SELECT * FROM people ORDER BY hash(record), record LIMIT {SAMPLE}"
        self._con.execute(f"CREATE OR REPLACE TABLE sample AS {sampled}")
        linker = Linker(self._register("sample"), splink_settings(SHIPPED, trained=False), log_level=None)
        training = linker.training
        size = self.rows("SELECT count(*) FROM sample")[0][0]
        training.estimate_probability_two_random_records_match(list(_SURE), recall=_RECALL)
        chunks = 1 if size < _FEW else 10  # many pairs are looked at bit by bit, until there are enough
        training.estimate_u_using_random_sampling(max_pairs=_RANDOM_PAIRS, seed=_SEED, num_chunks=chunks)
        for columns in self._sessions():
            training.estimate_parameters_using_expectation_maximisation(
                block_on(*columns), max_pairs=_EM_PAIRS, record_sample_proportion=1.0
            )
        told = linker.misc.save_model_to_json()
        prior = float(told["probability_two_random_records_match"])
        return MatchModel(min(max(prior, 1e-9), 0.1), read_chances(told), size)

    def _sessions(self) -> list[tuple[str, ...]]:
        """Blocks to learn from: where enough pairs agree in these columns, so that the others can be counted."""
        enough = []
        for columns in _SESSIONS:
            names = ", ".join(columns)
            there = " AND ".join(f"{name} IS NOT NULL" for name in columns)
            pairs = self.rows(
                f"SELECT coalesce(sum(n * (n - 1) / 2), 0) FROM"
                f" (SELECT count(*) AS n FROM sample WHERE {there} GROUP BY {names})"
            )[0][0]
            if pairs >= 50:
                enough.append(columns)
        return enough[:3]

    def terms(self) -> pa.Table:
        """Values that are common, as hashes: field, term (uint64), share of records."""
        return self.arrow(
            " UNION ALL ".join(
                f"SELECT '{f.name}' AS field, hash('{f.name}|' || {f.name}) AS term,"
                f" count(*) / any_value(n) AS share FROM people, (SELECT count({f.name}) AS n FROM people)"
                f" WHERE {f.name} IS NOT NULL"
                f" GROUP BY {f.name} HAVING count(*) >= {FLOOR} * any_value(n)"
                for f in FIELDS
                if f.common
            )
        )

    def hashes(self) -> pa.Table:
        """Every value whose being common matters, as a hash: field, term (uint64)."""
        return self.arrow(
            " UNION ALL ".join(
                f"SELECT DISTINCT '{f.name}' AS field, hash('{f.name}|' || {f.name}) AS term FROM people"
                f" WHERE {f.name} IS NOT NULL"
                for f in FIELDS
                if f.common
            )
        )

    def weights(
        self, model: MatchModel, pairs: str, terms: str, *, least: float, levels: bool = False
    ) -> pa.Table:
        """Match weights of the pairs in the table `pairs` (one, other): record_l, record_r, match_weight.

        Pairs below `least` are left out. `levels`: also what each field weighs, as mw_ columns, and what its value
        being rare or common adds, as mw_tf_adj_ columns. `terms`: the table of common values, as hashes.
        """
        parts = [f"mw_{f.name}" for f in FIELDS] + [f"mw_tf_adj_{f.name}" for f in FIELDS if f.common]
        columns = ", ".join(
            [
                "record_l",
                "record_r",
                f"{log2(model.prior / (1 - model.prior))!r} + {' + '.join(parts)} AS match_weight",
                *(parts if levels else ()),
            ]
        )
        weighed = ", ".join(weight_columns(model))
        sides = (", ".join(f"{name} AS {name}_{side}" for name in self._names) for side in "lr")
        left, right = (f"(SELECT {names} FROM rated)" for names in sides)
        return self.arrow(
            f"WITH rated AS ({self._rated(terms)}), weighed AS ("
            f"SELECT record_l, record_r, {weighed} FROM {pairs} JOIN {left} ON record_l = one"
            f" JOIN {right} ON record_r = other)"
            f" SELECT {columns} FROM weighed WHERE match_weight >= {least!r}"
        )

    _names = ("record", *(f.name for f in FIELDS), *(f"tf_{f.name}" for f in FIELDS if f.common))

    def _rated(self, terms: str) -> str:
        """People with how common their values are, where that matters: tf_ columns, a share of at least FLOOR."""
        common = [f.name for f in FIELDS if f.common]
        shares = ", ".join(f"greatest(coalesce({name}_term.share, 0), {FLOOR}) AS tf_{name}" for name in common)
        joins = " ".join(
            f"LEFT JOIN (SELECT term, share FROM {terms} WHERE field = '{name}') AS {name}_term"
            f" ON {name}_term.term = hash('{name}|' || people.{name})"
            for name in common
        )
        return f"SELECT people.*, {shares} FROM people {joins}"

    def _register(self, table: str) -> Any:
        self._tables += 1
        return self._api.register(table, table_name=f"{table}_{self._tables}")
