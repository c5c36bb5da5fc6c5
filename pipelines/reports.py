"""Where a run's report is found by whoever looks for it later."""

import json
import shutil
from pathlib import Path

from pipelines.runners.local import Run


def keep_report(run: Run, home: Path) -> Path:
    """Copy the report of a finished training run to ``home/reports``, named after the version, and return the copy."""
    version = json.loads(run.artifact("register", "registered").read_text(encoding="utf-8"))
    target = home / "reports" / f"{version['use_case']}-v{version['version']}.html"
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(run.artifact("write_report", "report"), target)
    return target
