from pathlib import Path

import pytest

from components.core.errors import FairleadError
from components.serving.equip import Around, equip, quarantine_of


@pytest.mark.parametrize(
    ("around", "text"),
    [
        (Around(log_rate=("canary=0.5",)), "give --log too"),
        (Around(log_mask="mask.yaml"), "give --log too"),
        (Around(log=("carrier-pigeon://x",)), "unknown place for logged predictions"),
        (Around(log=("sqlite:///x.db",), log_rate=("canary=5",)), "sampling rate 'canary=5'"),
        (Around(log=("sqlite:///x.db",), log_mask="nowhere.yaml"), r"mask nowhere\.yaml cannot be read"),
        (Around(hooks="nothing"), "allowed is package.module:Class"),
        (Around(features="/nowhere"), "nowhere"),
        (Around(traces="collector:4317"), "traces: found 'collector:4317'"),
        (Around(remedies="nowhere.yaml"), r"rules on odd rows, nowhere\.yaml, cannot be read"),
    ],
)
def test_what_cannot_be_had_is_told_before_anything_is_served(opened, session_settings, around, text):
    # Twice: what was refused has left no metrics behind, which there can be only once.
    for _ in range(2):
        with pytest.raises(FairleadError, match=text):
            equip(opened, "m", "1", 10, around, session_settings)


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ("{when: missing, column: Term, remedy: reject}", "input in remedies, missing of Term: reject: 'Term'"),
        ("{when: outlier, remedy: reject}", "quarantine .* cannot be used"),
    ],
)
def test_rules_that_cannot_be_followed_are_told_before_anything_is_served(
    opened, session_settings, tmp_path, rule, text
):
    (tmp_path / "rules.yaml").write_text(f"remedies: [{rule}]")
    (tmp_path / "file").write_text("")
    around = Around(remedies=str(tmp_path / "rules.yaml"), quarantine=str(tmp_path / "file" / "quarantine.db"))
    with pytest.raises(FairleadError, match=text):
        equip(opened, "m", "1", 10, around, session_settings)


def test_what_is_kept_back_is_beside_the_prediction_log_and_never_in_it(session_settings):
    home = session_settings.home
    assert quarantine_of(Around(), session_settings) == home / "quarantine.db"
    assert quarantine_of(Around(log=("parquet:///x",)), session_settings) == home / "quarantine.db"
    log = ("parquet:///x", "sqlite:////var/log/predictions.db")
    assert quarantine_of(Around(log=log), session_settings) == Path("/var/log/quarantine.db")
    assert quarantine_of(Around(log=log, quarantine="q.db"), session_settings) == Path("q.db")
