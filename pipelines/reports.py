"""Where a run's report is found by whoever looks for it later."""

import json
import shutil
from pathlib import Path

from pipelines.runners.local import Run

_OF_NO_VERSION = (("explain_table", "explained", "parquet"), ("try_mitigation", "page", "html"))
"""Step, output and ending of what pipelines leave that register nothing."""


def keep_report(run: Run, home: Path) -> Path:
    """Copy the report of a finished run to ``home/reports`` and return the copy.

    That of a training run is named after the version, that of a look after its day. What a run leaves that
    explains a table or tries mitigation is named after the run.
    """
    look = "write_look_report" in run.outputs
    folder = home / "reports"
    for step, output, ending in _OF_NO_VERSION:
        if step in run.outputs:
            folder.mkdir(parents=True, exist_ok=True)
            target = folder / f"{output}-{run.folder.name}.{ending}"
            shutil.copyfile(run.artifact(step, output), target)
            return target
    if look:
        found = json.loads(run.artifact("look", "findings").read_text(encoding="utf-8"))
        target = folder / f"{found['use_case']}-look-{found['now']}.html"
    else:
        version = json.loads(run.artifact("register", "registered").read_text(encoding="utf-8"))
        target = folder / f"{version['use_case']}-v{version['version']}.html"
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(run.artifact("write_look_report" if look else "write_report", "report"), target)
    return target
