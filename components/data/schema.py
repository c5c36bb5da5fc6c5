"""The table as a whole against its schema: structure, training/serving skew and drift, by TFDV.

Rows are judged one by one elsewhere; here a handful of wrong values is tolerated, and what is looked for is a column
gone, a type changed, or a new code that carries weight. A curated schema is kept for each use case in ``schemas/``;
``python -m components.data.schema infer --use-case NAME --target FILE`` writes a first one to curate.
"""

import argparse
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import tensorflow_data_validation as tfdv
from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2

from components.core.contracts import Kind
from components.core.errors import FairleadError
from components.core.use_case import UseCase, load
from components.data.schema_report import Anomaly, SchemaReport, Severity, require
from components.data.shift import drift, event_days, skew
from components.data.statistics import compute, describe, in_days, read_table

__all__ = ["infer", "require", "validate_schema"]

SCHEMAS = Path(__file__).parent / "schemas"
SAMPLES = Path(__file__).parent / "samples"

L_INFINITY, JENSEN_SHANNON = 0.1, 0.02
"""Skew and drift thresholds that an inferred schema starts with."""

TYPES: dict[Kind, int] = {
    "int": schema_pb2.INT,
    "float": schema_pb2.FLOAT,
    "category": schema_pb2.BYTES,
    "date": schema_pb2.INT,
}

KINDS = {
    "SCHEMA_MISSING_COLUMN": "missing_column",
    "SCHEMA_NEW_COLUMN": "extra_column",
    "UNEXPECTED_DATA_TYPE": "wrong_type",
    "ENUM_TYPE_UNEXPECTED_STRING_VALUES": "unknown_values",
    "FEATURE_TYPE_NOT_PRESENT": "no_values",
    "FEATURE_TYPE_LOW_FRACTION_PRESENT": "too_many_missing",
    "FEATURE_TYPE_LOW_NUMBER_PRESENT": "too_many_missing",
    "BOOL_TYPE_BIG_INT": "out_of_range",
    "BOOL_TYPE_SMALL_INT": "out_of_range",
    "INT_TYPE_BIG_INT": "out_of_range",
    "INT_TYPE_SMALL_INT": "out_of_range",
    "FLOAT_TYPE_BIG_FLOAT": "out_of_range",
    "FLOAT_TYPE_SMALL_FLOAT": "out_of_range",
}
"""Our words for TFDV's kinds of anomaly; any other keeps its name in lower case."""

WARNINGS = {"out_of_range"}
"""Kinds that do not block: single values out of range are for the row checks."""


def validate_schema(raw: Path, use_case: UseCase, as_of: date, statistics: Path | None = None) -> SchemaReport:
    """Compare a raw table with the schema of its use case.

    Args:
        raw: parquet file as ingest wrote it.
        use_case: its curated schema is ``schemas/NAME.pbtxt``; without one a schema is inferred from the rows up to
            ``as_of``, and the report says so.
        as_of: training date. Skew compares the rows whose label is mature by then with the rows after it.
        statistics: where to write TFDV's statistics of the whole table (text protobuf), if anywhere.

    Returns:
        Everything that was found; hand it to ``require`` to stop a run on it.

    Raises:
        FairleadError: the file cannot be read.
    """
    frame = read_table(raw, use_case.data)
    schema, schema_file, note = _schema(frame, use_case, as_of)
    if frame.empty:
        found = [Anomaly(column="", kind="empty_table", reason="the table has no rows", severity="blocking")]
        return _report(use_case, as_of, frame, schema_file, note, anomalies=(*found, *_missing_columns(frame, schema)))
    whole = compute(frame)
    if statistics is not None:
        tfdv.write_stats_text(whole, str(statistics))
    return _report(
        use_case,
        as_of,
        frame,
        schema_file,
        note,
        columns=describe(whole, use_case.data),
        anomalies=_anomalies(tfdv.validate_statistics(whole, schema), use_case),
        skew=skew(frame, schema, use_case, as_of),
        drift=drift(frame, schema, use_case),
    )


def infer(frame: pd.DataFrame, use_case: UseCase) -> schema_pb2.Schema:
    """Infer a schema from rows, then let the use case have the last word on columns, types and domains.

    Every column may miss, and every closed domain may be broken by, the share of rows that quarantine puts up with.
    The inputs get comparators (see ``components.data.shift``): L-infinity for categories, Jensen-Shannon for numbers.
    """
    schema = tfdv.infer_schema(compute(frame), infer_feature_shape=False) if len(frame) else schema_pb2.Schema()
    known = {f.name: f for f in schema.feature}
    kept = 1 - use_case.data.quarantine_limit
    for name, column in use_case.data.columns.items():
        feature = known.get(name) or schema.feature.add(name=name)
        if feature.type != TYPES[column.kind] or column.values:
            feature.ClearField("domain_info")
        feature.type = TYPES[column.kind]
        feature.presence.min_count = 1
        feature.presence.min_fraction = 0 if column.nullable else kept
        if column.values:
            feature.ClearField("domain")
            feature.string_domain.name = name
            feature.string_domain.value.extend(column.values)
        if feature.WhichOneof("domain_info") in {"domain", "string_domain"}:
            feature.distribution_constraints.min_domain_mass = kept
        if name in use_case.features.inputs and column.kind != "date":
            _add_comparators(feature)
    return schema


def _add_comparators(feature: Any) -> None:
    for comparator in (feature.skew_comparator, feature.drift_comparator):
        if feature.type == schema_pb2.BYTES:
            comparator.infinity_norm.threshold = L_INFINITY
        else:
            comparator.jensen_shannon_divergence.threshold = JENSEN_SHANNON


def _schema(frame: pd.DataFrame, use_case: UseCase, as_of: date) -> tuple[schema_pb2.Schema, str | None, str]:
    curated = SCHEMAS / f"{use_case.name}.pbtxt"
    if curated.is_file():
        name = f"components/data/schemas/{curated.name}"
        return tfdv.load_schema_text(str(curated)), name, f"schema: {name}"
    command = f"python -m components.data.schema infer --use-case {use_case.name} --target {curated.name}"
    days = event_days(frame, use_case)
    known = frame if days is None else frame[(days <= in_days(as_of)).to_numpy(dtype=bool, na_value=False)]
    note = f"{use_case.name} has no curated schema: inferred from the rows up to {as_of}; write one with: {command}"
    return infer(known, use_case), None, note


def _report(
    use_case: UseCase, as_of: date, frame: pd.DataFrame, schema_file: str | None, note: str, **found: Any
) -> SchemaReport:
    given = {"columns": (), "anomalies": (), "skew": (), "drift": (), **found}
    return SchemaReport(
        use_case=use_case.name, as_of=as_of, rows=len(frame), schema_file=schema_file, note=note, **given
    )


def _missing_columns(frame: pd.DataFrame, schema: schema_pb2.Schema) -> tuple[Anomaly, ...]:
    reason = "Column is completely missing"
    names = [f.name for f in schema.feature if f.name not in frame.columns]
    return tuple(Anomaly(column=n, kind="missing_column", reason=reason, severity="blocking") for n in names)


def _anomalies(found: anomalies_pb2.Anomalies, use_case: UseCase) -> tuple[Anomaly, ...]:
    anomalies = []
    dates = {name for name, column in use_case.data.columns.items() if column.kind == "date"}
    for name, info in sorted(found.anomaly_info.items()):
        for reason in info.reason:
            kind = anomalies_pb2.AnomalyInfo.Type.Name(reason.type)
            word = KINDS.get(kind, kind.lower())
            severity: Severity = "warning" if word in WARNINGS else "blocking"
            # TFDV takes dates as integers and would say that one of these was expected.
            odd_date = word == "wrong_type" and name in dates
            text = "Expected dates but got values that are none" if odd_date else reason.description.strip()
            anomalies.append(Anomaly(column=name, kind=word, reason=text, severity=severity))
    return tuple(anomalies)


def _sample(source: str) -> Path:
    path = SAMPLES / source.removeprefix("sample://") if source.startswith("sample://") else Path(source)
    if not path.is_file():
        raise FairleadError(f"cannot read {source} here; give the parquet file that ingest wrote with --raw FILE")
    return path


def main(arguments: list[str] | None = None) -> None:
    """Write a first schema for a use case, to be curated by hand."""
    parser = argparse.ArgumentParser(prog="python -m components.data.schema", description=main.__doc__)
    command = parser.add_subparsers(dest="command", required=True).add_parser("infer", help=main.__doc__)
    command.add_argument("--use-case", required=True, help="name of a use case that ships, or path of its YAML file")
    command.add_argument("--target", required=True, type=Path, help="file to write (text protobuf)")
    command.add_argument("--raw", type=Path, help="parquet file to infer from; default: the source of the use case")
    given = parser.parse_args(arguments)
    try:
        use_case = load(given.use_case)
        frame = read_table(given.raw or _sample(use_case.data.source), use_case.data)
        tfdv.write_schema_text(infer(frame, use_case), str(given.target))
    except FairleadError as error:
        raise SystemExit(str(error)) from error
    place = SCHEMAS.relative_to(SCHEMAS.parents[2]) / f"{use_case.name}.pbtxt"
    print(f"wrote {given.target}; curate it and keep it as {place}")


if __name__ == "__main__":
    main()
