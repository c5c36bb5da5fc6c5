import json
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from components.core.errors import FairleadError
from components.core.use_case import SHIPPED
from pipelines.parameters import freshness, parameters


def test_a_shipped_use_case_travels_by_name() -> None:
    assert parameters("sba_loans", "2003-12-31", "")["use_case"] == "sba_loans"


def test_a_file_travels_as_its_text(tmp_path: Path) -> None:
    text = (SHIPPED / "sba_loans.yaml").read_text(encoding="utf-8")
    (tmp_path / "mine.yaml").write_text(text, encoding="utf-8")
    assert parameters(str(tmp_path / "mine.yaml"), "", "")["use_case"] == text


def test_today_becomes_a_date() -> None:
    before = datetime.now(UTC).date().isoformat()
    found = parameters("sba_loans", "today", "")["as_of"]
    assert before <= found <= datetime.now(UTC).date().isoformat()


def test_an_empty_training_date_is_the_use_cases_own() -> None:
    assert parameters("sba_loans", "", "") == parameters("sba_loans", "2003-12-31", "")


def test_the_search_can_be_set() -> None:
    shard = {"algorithm": "logistic", "seed": 1, "trials": 2}
    assert parameters("sba_loans", "", "", (f"shards={json.dumps([shard])}",))["shards"] == [shard]


def test_a_use_case_without_features_of_its_own_says_where_they_go(tmp_path: Path) -> None:
    text = (SHIPPED / "sba_loans.yaml").read_text(encoding="utf-8").replace("name: sba_loans", "name: my_loans", 1)
    (tmp_path / "mine.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(FairleadError, match=r"'my_loans'.*components/features/catalogue\.py"):
        parameters(str(tmp_path / "mine.yaml"), "", "")


LOG = ("log=sqlite:///a/log.db",)


def test_monitoring_looks_as_of_a_day_or_of_the_day_of_its_run() -> None:
    of = partial(parameters, "sba_loans", source="", extra=LOG, pipeline="monitoring")
    assert of(as_of="2005-06-30")["now"] == "2005-06-30"
    assert of(as_of="")["now"] == ""
    assert "as_of" not in of(as_of="")
    assert "now" not in parameters("sba_loans", "", "")


def test_monitoring_takes_its_log_as_text_and_that_of_the_place_without_a_word() -> None:
    here = parameters("sba_loans", "", "", pipeline="monitoring", log="sqlite:///here.db")
    said = parameters("sba_loans", "", "", (*LOG, "outcomes=/b=c.db"), pipeline="monitoring", log="sqlite:///here.db")
    assert here["log"] == "sqlite:///here.db"
    assert (said["log"], said["outcomes"]) == ("sqlite:///a/log.db", "/b=c.db")
    assert "log" not in parameters("sba_loans", "", "", log="sqlite:///here.db")


@pytest.mark.parametrize(
    ("as_of", "extra", "message"),
    [
        ("", (), "monitoring needs the prediction log; say where it is"),
        ("", ("log=",), "monitoring needs the prediction log"),
        (
            "",
            ('shards=[{"algorithm": "xgboost"}]', *LOG),
            "unknown parameter in --set 'shards'; allowed: log, outcomes",
        ),
        ("2999-01-01", LOG, "as_of 2999-01-01 has not come yet"),
        ("soon", LOG, "as_of 'soon' is no date"),
    ],
)
def test_wrong_arguments_of_monitoring_are_told(as_of: str, extra: tuple[str, ...], message: str) -> None:
    with pytest.raises(FairleadError, match=message):
        parameters("sba_loans", as_of, "", extra, pipeline="monitoring")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nope", "", ""), "unknown use case 'nope'; allowed: card_default, sba_loans"),
        (("sba_loans", "31.12.2003", ""), "as_of '31.12.2003' is no date"),
        (("sba_loans", "2999-01-01", ""), "as_of 2999-01-01 has not come yet"),
        (("sba_loans", "", "", ("shards",)), "--set 'shards' is not of the form NAME=VALUE"),
        (("sba_loans", "", "", ("nonsense=1",)), "unknown parameter in --set 'nonsense'; allowed: shards"),
        (("sba_loans", "", "", ("as_of=banana",)), "unknown parameter in --set 'as_of'; allowed: shards"),
        (("sba_loans", "", "", ("shards=[]",)), "--set shards: the list is empty"),
        (("sba_loans", "", "", ("shards=3",)), "--set shards: the value: Input should be a valid array"),
        (("sba_loans", "", "", ('shards=[{"algorithm": "tarot", "seed": 1, "trials": 1}]',)), "0.algorithm"),
    ],
)
def test_wrong_arguments_are_told_before_anything_runs(arguments: tuple[str, ...], message: str) -> None:
    with pytest.raises(FairleadError, match=message.replace(".", r"\.")):
        parameters(*arguments)  # type: ignore[arg-type]


def test_a_changed_local_source_is_fresh_again(tmp_path: Path) -> None:
    source = tmp_path / "loans.csv"
    source.write_text("a\n1\n", encoding="utf-8")
    before = freshness(str(source))
    source.write_text("a\n2\n", encoding="utf-8")
    assert freshness(str(source)) != before


def test_repaired_rows_are_told_by_their_content(tmp_path: Path) -> None:
    repaired = tmp_path / "repaired.csv"
    found = []
    for content in ("a\n1\n", "a\n2\n"):
        repaired.write_text(content, encoding="utf-8")
        found.append(parameters("sba_loans", "", "", repaired=str(repaired)))
    assert found[0]["repaired"] == found[1]["repaired"] == str(repaired)
    assert found[0]["repaired_freshness"] != found[1]["repaired_freshness"]
    none = parameters("sba_loans", "", "")
    assert (none["repaired"], none["repaired_freshness"]) == ("", "")


def test_the_source_of_the_use_case_is_watched_too(tmp_path: Path) -> None:
    source = tmp_path / "loans.csv"
    text = (SHIPPED / "sba_loans.yaml").read_text(encoding="utf-8")
    text = text.replace("sample://sba_ca_1997_2012.parquet", str(source))
    (tmp_path / "sba_loans.yaml").write_text(text, encoding="utf-8")
    found = []
    for content in ("a\n1\n", "a\n2\n"):
        source.write_text(content, encoding="utf-8")
        found.append(parameters(str(tmp_path / "sba_loans.yaml"), "", "")["freshness"])
    assert found[0] != found[1]


def test_a_remote_source_is_never_taken_for_unchanged() -> None:
    assert freshness("gs://bucket/loans.csv") != freshness("gs://bucket/loans.csv")


def test_a_table_that_ships_does_not_change() -> None:
    assert freshness("sample://sba_ca_1997_2012.parquet") == ""


@pytest.mark.parametrize("pipeline", ["explain", "mitigation"])
def test_what_a_pipeline_does_not_take_is_refused_or_not_sent(pipeline):
    found = parameters("card_default", "", "", pipeline=pipeline)
    assert "repaired" not in found
    assert ("as_of" in found) is (pipeline == "mitigation")
    with pytest.raises(FairleadError, match=f"{pipeline} takes no repaired rows"):
        parameters("card_default", "", "", repaired="rows.csv", pipeline=pipeline)


def test_an_explanation_has_a_model_and_no_training_date():
    found = parameters("card_default", "", "", ("version=3", "method=interventional"), pipeline="explain")
    assert (found["version"], found["method"]) == ("3", "interventional")
    with pytest.raises(FairleadError, match="say which model: --set version"):
        parameters("card_default", "2005-12-31", "", pipeline="explain")
