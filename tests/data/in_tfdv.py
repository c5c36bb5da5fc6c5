"""Validate every table of a folder in the environment ``tfdv``: one process, for TFDV takes seconds to import.

``NAME.parquet`` is judged by the use case in ``NAME.yaml``, or sba_loans where there is none, and leaves ``NAME.json``.
"""

import doctest
import json
import socket
import sys
from datetime import date
from pathlib import Path

attempts: list[str] = []
connect = socket.socket.connect


def _watched(self: socket.socket, address: object) -> None:
    attempts.append(repr(address))
    connect(self, address)


socket.socket.connect = _watched

from components.core.errors import FairleadError  # noqa: E402
from components.core.use_case import load  # noqa: E402
from components.data import schema, statistics  # noqa: E402

AS_OF = date(2003, 12, 31)


def main(folder: Path) -> None:
    for raw in sorted(folder.glob("*.parquet")):
        own = raw.with_suffix(".yaml")
        use_case = load(str(own) if own.exists() else "sba_loans")
        report = schema.validate_schema(raw, use_case, AS_OF, folder / f"{raw.stem}.pbtxt")
        raw.with_suffix(".json").write_text(report.model_dump_json())
    schema.main(
        ["infer", "--use-case", "sba_loans", "--raw", str(folder / "few.parquet"), "--target", str(folder / "s")]
    )
    found = {"attempts": attempts, "failed_doctests": doctest.testmod(statistics).failed}
    try:
        schema.validate_schema(folder / "gone.parquet", load("sba_loans"), AS_OF)
    except FairleadError as error:
        found["gone"] = str(error)
    (folder / "found.json").write_text(json.dumps(found))


main(Path(sys.argv[1]))
