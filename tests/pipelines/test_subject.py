from pathlib import Path

import pytest

from components.core.config import Settings
from components.core.errors import FairleadError
from pipelines.benchmarks.serving import subject as module
from pipelines.benchmarks.serving.subject import Subject, subject


def test_a_bundle_that_was_asked_for_is_taken(signed_bundle: Path, session_settings: Settings, tmp_path: Path) -> None:
    found = subject(session_settings, str(signed_bundle), tmp_path, print)
    assert found == Subject(signed_bundle, session_settings.verify_key, str(signed_bundle))


def test_a_bundle_that_was_asked_for_and_is_not_there_is_an_error(session_settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(FairleadError, match="no bundle at"):
        subject(session_settings, str(tmp_path / "nothing"), tmp_path, print)


def test_without_a_champion_one_is_trained_and_that_is_said(
    signed_bundle: Path, session_settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The pipeline itself has tests of its own.
    trained = Subject(signed_bundle, session_settings.verify_key, "trained for this benchmark")
    monkeypatch.setattr(module, "_trained", lambda *_: trained)

    def nothing_there(*_: object) -> Path:
        raise FairleadError("the registry has no model sba_loans\nmore")

    monkeypatch.setattr(module, "fetch", nothing_there)
    lines: list[str] = []
    assert subject(session_settings, "", tmp_path, lines.append) is trained
    assert lines == ["models:/sba_loans@champion cannot be served: the registry has no model sba_loans"]
