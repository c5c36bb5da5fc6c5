import shutil
from pathlib import Path

import numpy as np
from click.testing import CliRunner

from components.core.use_case import UseCase
from components.features import online
from pipelines.cli import main
from tests.pipelines.conftest import Finished


def test_a_moved_store_answers_online_after_it_was_materialised(
    finished: Finished, sba: UseCase, tmp_path: Path
) -> None:
    store = shutil.copytree(finished.run.artifact("build_features", "store"), tmp_path / "moved")
    bundle = finished.run.artifact("package", "bundle")
    result = CliRunner().invoke(
        main, ["features", "materialize", str(store), "--end", "2003-12-31", "--bundle", str(bundle)]
    )
    assert result.output == f"{store}: online as of 2003-12-31\n"
    keys = {"Bank": np.array(["WELLS FARGO BANK NATL ASSOC"], dtype=object)}
    keys |= {"Zip": np.array([90011.0]), "NAICS": np.array([722110.0])}
    found = online.histories(store, sba, keys)
    assert found["bank_count"][0] > 1000
    assert found["bank_last_bad"][0] <= np.datetime64("2003-12-31")


def test_the_registry_documents_itself(finished: Finished, tmp_path: Path) -> None:
    store = str(finished.run.artifact("build_features", "store"))
    shown = CliRunner().invoke(main, ["features", "document", store])
    written = CliRunner().invoke(main, ["features", "document", store, "--target", str(tmp_path / "features.md")])
    assert "bank_count" in shown.output
    assert written.exit_code == 0
    assert (tmp_path / "features.md").read_text(encoding="utf-8").strip() == shown.output.strip()
