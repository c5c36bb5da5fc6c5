"""The quarantine from the command line: listed, repaired, and replayed to a real server and offline, each row once."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import click
import polars as pl
import pytest
from click.testing import CliRunner

from components.core.errors import FairleadError
from components.serving.prediction_log_reader import read as read_log
from components.serving.process import serving
from components.serving.quarantine_log import QuarantineLog
from pipelines.quarantine_commands import quarantine
from tests.serving.logged import until
from tests.serving.odd import ODD, RULES, joined, with_values

INFER = "/v2/models/sba_loans/infer"


@pytest.fixture(scope="module")
def good(signed_bundle):
    return json.loads((signed_bundle / "examples.json").read_text())[1]["request"]


@pytest.fixture(scope="module")
def served(signed_bundle, session_settings, tmp_path_factory) -> Iterator[tuple[str, Path]]:
    """A server with rules, and the folder of its logs."""
    folder = tmp_path_factory.mktemp("quarantine")
    (folder / "rules.yaml").write_text(json.dumps({"remedies": RULES}))
    options = ("--remedies", str(folder / "rules.yaml"), "--log", f"sqlite:///{folder / 'predictions.db'}")
    with serving(str(signed_bundle), session_settings, folder / "server.log", options=options) as server:
        yield server.url, folder


@pytest.fixture
def run(session_settings, served):
    """Run a command on the server's quarantine; what it prints, and the error that it ended with."""

    def command(*arguments, code=0, file=served[1] / "quarantine.db"):
        done = CliRunner().invoke(quarantine, [arguments[0], "--file", str(file), *arguments[1:]], obj=session_settings)
        error = done.exception
        if isinstance(error, FairleadError | click.UsageError):
            assert code == 1, done.output
            return done.output + str(error)
        assert (done.exit_code, code) in [(0, 0), (2, 1)], done.output
        return done.output

    return command


def _send(url, body):
    import urllib3

    answer = urllib3.request("POST", url + INFER, body=json.dumps(body), headers={"content-type": "application/json"})
    return answer.status, answer.headers.get("x-fairlead-quarantine")


def _logged(folder, name, rows):
    mine = pl.col("request_id") == name
    until(lambda: len(read_log(folder / "predictions.db").filter(mine)) >= rows)
    return read_log(folder / "predictions.db").filter(mine)


def test_a_repaired_request_is_answered_once_by_the_server_under_its_old_name(run, served, good, tmp_path):
    url, folder = served
    body = joined([good, with_values(good, **ODD["reject"])], "mended")
    status, group = _send(url, body)
    assert status == 422
    listed = run("list", "--to", str(tmp_path / "rows.csv"))
    assert f"{group}-1" in listed
    assert "out_of_range of GrAppv: found 1000000000.0, allowed" in listed
    assert "another row of its request is odd" in listed
    mended = pl.read_csv(tmp_path / "rows.csv", infer_schema=False).filter(pl.col("id") == f"{group}-1")
    mended.with_columns(GrAppv=pl.lit("150000")).write_csv(tmp_path / "mended.csv")
    found = run("replay", "--url", url, "--repaired", str(tmp_path / "mended.csv"))
    assert f"{group}-1  answered  probability=" in found
    assert "2 rows answered, 0 kept back again" in found
    frame = _logged(folder, "mended", 2)
    assert sorted(frame["row"]) == [0, 1]
    assert json.loads(frame.filter(pl.col("row") == 1)["inputs"].item())["GrAppv"] == 150_000
    # Not again, unless it is forced.
    assert "0 rows answered" in run("replay", "--url", url, "--id", group)
    assert len(read_log(folder / "predictions.db").filter(pl.col("request_id") == "mended")) == 2
    assert group not in run("list")
    assert f"{group}-1" in run("list", "--all")
    again = run("replay", "--url", url, "--id", group, "--force")
    assert "0 rows answered, 2 kept back again" in again  # as it came it is as odd as before


def test_a_row_that_was_right_after_all_is_scored_offline_and_logged(run, served, good, signed_bundle, opened_model):
    url, folder = served
    body = joined([good, with_values(good, **ODD["quarantine"])], "right")
    _, group = _send(url, body)
    # Of a request that goes to a server all rows have to be there.
    assert f"{group}: not sent" in run("replay", "--url", url, "--id", f"{group}-1")
    log = ("--log", f"sqlite:///{folder / 'predictions.db'}")
    found = run("replay", "--bundle", str(signed_bundle), "--id", f"{group}-1", *log)
    assert f"{group}-1  answered  probability=" in found
    row = _logged(folder, "right", 1).row(0, named=True)
    assert (row["row"], row["variant"], row["version"]) == (1, "stable", opened_model.version())
    assert json.loads(row["remedy"]) == {"remedy": "pass_and_flag", "odd": ["new_category State"], "replaced": {}}
    from components.serving.door import check
    from components.serving.v2 import decode

    columns = check(decode(json.dumps(body).encode()), opened_model.contract, 2)
    assert row["probability"] == pytest.approx(opened_model.probability(columns)[1], abs=1e-9)
    assert "0 rows answered" in run("replay", "--bundle", str(signed_bundle), "--id", f"{group}-1", *log)


def test_a_row_that_is_still_odd_is_kept_back_again_and_waits_as_another(run, served, good):
    url, folder = served
    _, group = _send(url, {**with_values(good, **ODD["quarantine"]), "id": "still"})
    found = run("replay", "--url", url, "--id", group)
    assert f"{group}-0  withheld  entry=" in found
    frame = QuarantineLog(folder / "quarantine.db").read()
    assert frame.filter(pl.col("request_id") == "still")["state"].to_list() == ["withheld", "waiting"]


def test_what_could_not_be_sent_waits_still_and_what_nobody_knows_does_not(run, served, good, tmp_path):
    url, folder = served
    _, group = _send(url, {**with_values(good, **ODD["reject"]), "id": "broken"})
    broken = tmp_path / "broken.csv"
    broken.write_text(f"id,GrAppv\n{group}-0,many\n")
    text = run("replay", "--url", url, "--repaired", str(broken), code=1)
    assert "found 'many', allowed: a number" in text
    assert "1 rows failed, and wait still" in text
    broken.write_text(f"id,GrAppv\n{group}-0,-5\n")
    assert "400 " in run("replay", "--url", url, "--repaired", str(broken), code=1)
    assert f"{group}-0" in run("list")
    log = QuarantineLog(folder / "quarantine.db")
    log.claim([f"{group}-0"], "somebody who died")
    assert "0 rows answered" in run("replay", "--url", url, "--id", group)
    assert "claimed" in next(line for line in run("list").splitlines() if line.startswith(group))


def test_what_another_side_of_a_rollout_kept_is_told_and_not_sent(run, served, good, tmp_path):
    url, folder = served
    _, group = _send(url, {**with_values(good, **ODD["reject"]), "id": "copied"})
    copy = tmp_path / "quarantine.db"
    with closing(sqlite3.connect(folder / "quarantine.db")) as db, closing(sqlite3.connect(copy)) as target:
        db.backup(target)
        target.execute("DROP TRIGGER quarantine_no_update")
        target.execute("UPDATE quarantine SET variant = 'candidate'")
        target.commit()
    found = run("replay", "--url", url, "--id", group, file=copy)
    assert "1 rows of variant candidate wait too: --variant candidate" in found
    assert "0 rows answered" in found


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--url", "http://x", "--bundle", "y"], "give one of --url and --bundle"),
        ([], "give one of --url and --bundle"),
        (["--url", "http://127.0.0.1:9", "--id", "nothing"], "unknown entry of the quarantine 'nothing'"),
        (["--url", "URL", "--repaired", "other.csv"], "unknown entry among repaired rows 'x-0'"),
        (["--url", "URL", "--repaired", "column.csv"], "unknown input among repaired rows 'Trem'"),
        (["--url", "URL", "--repaired", "nameless.csv"], "no column id"),
        (["--url", "URL", "--repaired", "form.txt"], "allowed: .csv, .parquet"),
    ],
)
def test_what_makes_no_sense_is_refused(run, served, good, tmp_path, arguments, words):
    url, _ = served
    _, group = _send(url, {**with_values(good, **ODD["reject"]), "id": "refused"})
    for name, text in {
        "other.csv": "id,GrAppv\nx-0,1\n",
        "column.csv": f"id,Trem\n{group}-0,1\n",
        "nameless.csv": "GrAppv\n1\n",
        "form.txt": "",
    }.items():
        (tmp_path / name).write_text(text)
    made = [url if a == "URL" else str(tmp_path / a) if "." in a and "/" not in a else a for a in arguments]
    assert words in run("replay", *made, code=1)


def test_without_a_server_nothing_is_claimed(run, served, good):
    url, folder = served
    _, group = _send(url, {**with_values(good, **ODD["reject"]), "id": "alone"})
    assert "cannot be reached" in run("replay", "--url", "http://127.0.0.1:9", "--id", group, code=1)
    frame = QuarantineLog(folder / "quarantine.db").read([group])
    assert frame["state"].to_list() == ["waiting"]


@pytest.fixture(scope="module")
def opened_model(signed_bundle):
    from components.training.bundle import Bundle

    return Bundle.open(signed_bundle)
