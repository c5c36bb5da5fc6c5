"""``python -m pipelines.feature_load``: histories from a table, and their state of a day into the online store.

One run does it all: a store on scratch space, then the cluster's configuration in it, so that registry and online store
are the cluster's. Run again for a later day, it only moves forward.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path

from components.core import use_case as use_cases
from components.core.artifacts import write_whole
from components.core.errors import FairleadError
from components.data.ingest import ingest
from components.data.quarantine import check_rows
from components.features import store as stores
from feature_repo import permissions


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m pipelines.feature_load",
        description="Build a use case's histories from its table, and load the online store with their state of a day.",
    )
    parser.add_argument("--use-case", default="sba_loans", help="name, or a YAML file")
    parser.add_argument("--source", default="", help="table: a path, gs://… or s3://… (empty: the use case's own)")
    parser.add_argument("--end", default="", help="ISO date, or today: what was known before it (empty: as_of)")
    parser.add_argument("--configuration", type=Path, required=True, help="feature_store.yaml of the cluster")
    parser.add_argument("--store", type=Path, required=True, help="folder to build in; the registry will name it")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str]) -> int:
    """Build, apply and load; returns the exit status."""
    options = parse(arguments)
    try:
        case = use_cases.load(options.use_case)
        end = _day(case, options.end)
        build(case, options.source, options.store)
        write_whole(options.store / stores.CONFIGURATION_FILE, options.configuration.read_bytes())
        with stores.quietly():
            stores.open_store(options.store).apply([permissions.read, permissions.write])
        stores.materialize(options.store, case, end)
    except FairleadError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{case.name}: online as of {end}")
    return 0


def build(case: use_cases.UseCase, source: str, store: Path) -> None:
    """Write the histories of all entities into a store that is made anew from the table; bad rows are left out."""
    store.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        raw, clean, bad, features = (Path(folder) / f"{n}.parquet" for n in ("raw", "clean", "bad", "features"))
        ingest(case.data, raw, source or None)
        check_rows(raw, case.data, clean, bad)
        stores.build_features(clean, case, store, features)


def _day(case: use_cases.UseCase, text: str) -> date:
    return datetime.now(UTC).date() if text == "today" else use_cases.as_of_date(case, text)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
