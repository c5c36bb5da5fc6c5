"""Explanations of a whole table, from parquet to parquet, in parts of bounded memory."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from components.core.artifacts import whole_file
from components.core.contracts import Columns
from components.core.errors import FairleadError
from components.judgement.explanations.contributions import Contributions, Explainable
from components.judgement.explanations.held_rows import held_rows
from components.judgement.explanations.interventional import Interventional
from components.training.bundle import Bundle

CHUNK = 20_000
"""Rows held at a time."""

PREFIX = "shap_"

OWN, INTERVENTIONAL = "own", "interventional"
METHODS = (OWN, INTERVENTIONAL)
"""``own``: path-dependent for trees, interventional for a line. ``interventional``: against the background rows that
travel with the bundle, for both."""


@dataclass(frozen=True)
class Written:
    """What was written.

    Args:
        rows: how many.
        method: how contributions were computed.
        base_value: log-odds before any feature is known.
        importance: feature → mean |SHAP| over the rows, the largest first.
    """

    rows: int
    method: str
    base_value: float
    importance: dict[str, float]


def explain_table(
    bundle: Bundle,
    table: Path,
    target: Path,
    method: str = OWN,
    row_id: str = "row_id",
    chunk: int = CHUNK,
    threads: int = 1,
) -> Written:
    """Explain every row of a table.

    The result has, in the order of the rows, the row's id where the table has one, ``probability``, ``decision``,
    ``base_value`` and for each feature ``shap_<feature>`` in log-odds of the probability, and ``method``. A row's base
    value and contributions add up to the log-odds of its probability.

    Args:
        bundle: an opened bundle.
        table: parquet with the model's inputs, histories of entities included; other columns are left alone.
        target: where to write; parquet, whole or not at all.
        method: one of ``METHODS``.
        row_id: column that names a row.
        chunk: rows held at a time.
        threads: over which trees spread the rows; the values are the same with any number.

    Raises:
        FairleadError: the table has no row, or there is no such method.
        ContractViolation: a column is missing, or a value is not what the model's contract allows.
        NotExplained: no contributions are known for this model's kind.
        IntegrityError: on the bundle's background rows they do not add up to the model's scores.
    """
    if method not in METHODS:
        raise FairleadError(f"method: found {method!r}, allowed: {', '.join(METHODS)}")
    own = Explainable.open(bundle, threads, many=True)
    background = bundle.background()
    against = Interventional(bundle) if method == INTERVENTIONAL else None

    def explain(rows: Columns) -> Contributions:
        return own.explain(rows) if against is None else against.explain(rows, background)

    with pq.ParquetFile(table) as source, whole_file(target) as scratch:
        if not source.metadata.num_rows:
            raise FairleadError(f"{table.name} has no rows; there is nothing to explain")
        return _write(bundle, explain, _frames(source, bundle, row_id, chunk), row_id, scratch)


def _frames(source: pq.ParquetFile, bundle: Bundle, row_id: str, chunk: int) -> Iterator[pl.DataFrame]:
    wanted = {row_id, *(f.name for f in bundle.contract.inputs)}
    names = [name for name in source.schema_arrow.names if name in wanted]
    for batch in source.iter_batches(chunk, columns=names):
        yield pl.DataFrame(pa.Table.from_batches([batch]))


def _write(
    bundle: Bundle,
    explain: Callable[[Columns], Contributions],
    frames: Iterator[pl.DataFrame],
    row_id: str,
    target: Path,
) -> Written:
    total, sizes = 0, np.zeros(len(bundle.contract.features))
    with ExitStack() as stack:
        writer: Any = None
        for frame in frames:
            explained = explain(held_rows(frame, bundle.contract, total))
            part = _part(explained, bundle, frame[row_id] if row_id in frame.columns else None).to_arrow()
            writer = writer or stack.enter_context(pq.ParquetWriter(target, part.schema))
            writer.write_table(part)
            total += len(explained)
            sizes += np.abs(explained.contributions).sum(axis=0)
    order = np.argsort(-sizes, kind="stable")
    importance = {explained.features[i]: float(sizes[i] / total) for i in order}
    return Written(total, explained.method, explained.base_value, importance)


def _part(explained: Contributions, bundle: Bundle, ids: pl.Series | None) -> pl.DataFrame:
    n = len(explained)
    columns: dict[str, Any] = {} if ids is None else {ids.name: ids}
    columns |= {
        "probability": explained.probability,
        "decision": bundle.decide(explained.probability),
        "base_value": np.full(n, explained.base_value),
    }
    columns |= {f"{PREFIX}{name}": explained.contributions[:, i] for i, name in enumerate(explained.features)}
    columns["method"] = [explained.method] * n
    return pl.DataFrame(columns)
