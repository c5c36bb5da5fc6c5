import json
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

from components.core.errors import FairleadError
from components.core.use_case import load
from components.data.quarantine import check_rows
from components.data.sources import SAMPLES
from pipelines.synthesize_command import COMMANDS, synthesize


def run(*arguments: str | Path) -> str:
    ended = CliRunner().invoke(synthesize, [str(a) for a in arguments])
    if ended.exception is not None and not isinstance(ended.exception, SystemExit):
        raise ended.exception
    assert ended.exit_code == 0, ended.output
    return ended.output


def test_a_newcomer_gets_a_table_from_a_yaml_of_their_own(tmp_path):
    mine = tmp_path / "mine.yaml"
    mine.write_text(
        Path("pipelines/use_cases/card_default.yaml").read_text().replace("name: card_default", "name: mine")
    )
    said = run(mine, "--rows", "300", "--from-schema", "--target", tmp_path / "made.parquet")
    assert "No row of a real table was looked at" in said
    assert f"300 rows in {tmp_path / 'made.parquet'}" in said
    paths = [tmp_path / f"{name}.parquet" for name in ("clean", "quarantine")]
    assert check_rows(tmp_path / "made.parquet", load(str(mine)).data, *paths).quarantined == 0


def test_time_is_staged(tmp_path):
    run(
        "sba_loans",
        "--rows",
        "60",
        "--from-schema",
        "--target",
        tmp_path / "a.parquet",
        "--like",
        "2000:2,2002:1",
        "--start",
        "2001-05-01",
    )
    months = pl.read_parquet(tmp_path / "a.parquet")["ApprovalDate"].dt.truncate("1mo").value_counts(sort=True)
    assert sorted((d.isoformat(), n) for d, n in months.iter_rows()) == [
        ("2001-05-01", 20),
        ("2001-06-01", 20),
        ("2001-07-01", 20),
    ]


def test_a_private_table_comes_with_its_account_and_a_report(tmp_path, few_clients):
    said = run(
        few_clients["yaml"],
        "--rows",
        "500",
        "--epsilon",
        "3",
        "--target",
        tmp_path / "a.parquet",
        "--report",
        tmp_path / "r.json",
    )
    assert "Differentially private for one row added or removed: epsilon 3 at delta" in said
    assert "it is not private" in said
    report = json.loads((tmp_path / "r.json").read_text())
    assert report["guarantee"]["kind"] == "private"
    assert report["guarantee"]["epsilon"] <= 3
    assert report["guarantee"]["seeded"] is False
    assert report["learned"] + report["held_out"] == few_clients["rows"]
    assert report["held_out"] > 0


@pytest.fixture
def few_clients(tmp_path):
    """A use case of six columns of real clients, so that there is little to compile."""
    kept = ["client", "statement_day", "limit", "sex", "delay_sep", "default", "default_day"]
    pl.read_parquet(SAMPLES / "uci_default_credit.parquet", columns=kept).gather_every(20).write_parquet(
        tmp_path / "few.parquet"
    )
    case = load("card_default")
    settings = json.loads(case.model_dump_json(exclude_unset=True))
    settings["data"] |= {
        "source": str(tmp_path / "few.parquet"),
        "columns": {k: settings["data"]["columns"][k] for k in kept},
    }
    settings["data"].pop("sha256")
    settings["features"] |= {
        "inputs": ["statement_day", "limit", "sex", "delay_sep"],
        "names": ["log_limit", "delay_sep"],
    }
    settings["training"] |= {"increasing": ["delay_sep"], "segments": ["sex"]}
    settings["gates"]["behaviour"] = []
    settings.pop("explanations")
    settings["judgement"] = {}
    (tmp_path / "few.yaml").write_text(json.dumps(settings))
    return {"yaml": tmp_path / "few.yaml", "rows": 1_500}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "neither --epsilon nor --plain nor --from-schema given; choose one"),
        (["--epsilon", "1", "--plain"], "--epsilon and --plain given; choose one"),
        (["--epsilon", "0"], "epsilon 0 cannot be used: give 0.05 or more"),
        (["--epsilon", "0.01"], "epsilon 0.01 cannot be used"),
        (["--epsilon", "1", "--delta", "0.5"], "delta 0.5 cannot be used"),
        (["--plain", "--delta", "1e-6"], "--delta 1e-06 is spent beside --epsilon"),
        (["--from-schema", "--report", "r.html"], "compares with real rows, and --from-schema looks at none"),
        (["--plain", "--report", "r.pdf"], "--report r.pdf has to end in one of .html, .md, .json"),
        (["--from-schema", "--like", "1812:3"], "unknown period '1812'; allowed: 2005"),
        (["--from-schema", "--like", "often"], "'often' is no stretch of time"),
        (["--from-schema", "--start", "soon"], "--start 'soon' is no date"),
        (["--from-schema", "--as-of", "soon"], "as_of 'soon' is no date"),
        (["--plain", "--source", "nowhere.parquet"], "source nowhere.parquet does not exist"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_written(tmp_path, arguments, says):
    with pytest.raises(FairleadError, match=says.replace("(", r"\(")):
        run("card_default", "--rows", "10", "--target", tmp_path / "a.parquet", *arguments)
    assert not (tmp_path / "a.parquet").exists()


def test_other_endings_are_refused(tmp_path):
    with pytest.raises(FairleadError, match=r"has to end in \.parquet"):
        run("card_default", "--rows", "10", "--target", tmp_path / "a.csv", "--plain")


def test_it_is_offered():
    assert [command.name for command in COMMANDS] == ["synthesize"]
