import json
import re
from dataclasses import fields, replace
from html.parser import HTMLParser
from pathlib import Path

import polars as pl
import pytest

from components.core.contracts import Estimate, GateResult
from components.core.errors import FairleadError
from components.core.use_case import UseCase
from components.governance.report import Records, write_report
from components.judgement.compare import Comparison
from tests.conftest import AS_OF
from tests.governance.conftest import GATES, changed, with_verdict

SECTIONS = [
    "Data quality",
    "The years",
    "Columns that know the outcome",
    "The model",
    "Gates",
    "Decisions between groups of people",
    "Against the champion",
    "Three requests, scored by the server",
    "Where everything lies",
]
VOID = {"meta", "br", "link", "img", "path", "use", "rect", "circle", "line"}


class Page(HTMLParser):
    """Reads a page strictly: what is opened is closed, and which addresses its tags would load from."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.loads: list[str] = []
        self.headings: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        addresses = [v for k, v in attrs if k in {"src", "href", "xlink:href", "data", "action", "srcset"} and v]
        self.loads += [a for a in addresses if not a.startswith("#")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID:
            return
        while self.open and self.open[-1] == "p" != tag:  # may stay open
            self.open.pop()
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "h2":
            self.headings.append(data)


@pytest.fixture
def page(sba: UseCase, tmp_path: Path):
    """Write the report of some records and return it."""

    def write(records: Records, champion: str = "") -> str:
        target = tmp_path / "deep" / "report.html"
        write_report(sba, AS_OF, champion, "models:/sba_loans/3", records, target)
        return target.read_text(encoding="utf-8")

    return write


def test_every_section_is_there_in_order(page, records: Records) -> None:
    read = Page(page(records))
    assert read.headings == SECTIONS
    assert read.open == []
    assert "svg" in read.tags


def test_nothing_is_loaded_from_anywhere(page, records: Records) -> None:
    text = page(records)
    read = Page(text)
    assert read.loads == []
    assert read.tags.isdisjoint({"link", "script", "img", "iframe", "object", "embed", "base"})
    assert not re.search(r"@import|url\((?!#|&#34;#|\"#)|http-equiv|\bon[a-z]+=", text)


def test_equal_records_give_equal_bytes(page, records: Records) -> None:
    assert page(records) == page(records)


def test_values_are_text_and_never_markup(page, records: Records) -> None:
    text = page(records)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "a &lt;new&gt; value" in text
    assert "SBA_Appv &lt; 20,000 and NewExist = &#39;2&#39;" in text
    assert "script" not in Page(text).tags


def test_the_figures_are_those_of_the_records(page, records: Records) -> None:
    text = page(records)
    for said in (
        "12,340 of 12,345 rows are used; 0.04 % are in quarantine (the run stops above 5.00 %)",
        "curated by hand",
        "1 of 2 comparisons above their threshold",
        "0 of 0 comparisons above their threshold",
        "known only later",
        "1,000 rows over V2",
        "1.5e-08",
        "1,000 ms</b>",  # 999.7, and not 1e+03
        "<h3>median: probability 0.0213, decision 1</h3>",
        "/v2/models/sba_loans/infer",
        "run-of-mlflow",
        "Two groups are treated alike.",
        "0.5 [0.4, 0.6]",
        "Groups &amp; rows",
        "models:/sba_loans/3",
    ):
        assert said in text, said


def test_a_few_rows_of_each_rule_are_shown(page, records: Records) -> None:
    text = page(records)
    assert "<td>loan-2</td>" in text
    assert "the fourth" not in text
    assert "<td>loan-4</td>" in text


def test_columns_that_do_not_leak_are_left_to_the_record(page, records: Records) -> None:
    section = page(records).partition("Columns that know the outcome")[2].partition("<h2>")[0]
    assert "Term" in section
    assert "GrAppv" not in section


def test_an_empty_quarantine_has_no_examples(page, records: Records, tmp_path: Path) -> None:
    pl.read_parquet(records.quarantine).clear().write_parquet(tmp_path / "none.parquet")
    assert "loan-" not in page(replace(records, quarantine=tmp_path / "none.parquet"))


def test_a_table_without_anomalies_says_so(page, records: Records, tmp_path: Path) -> None:
    schema = changed(records.schema, tmp_path, anomalies=[])
    assert "no anomaly." in page(replace(records, schema=schema))


def test_no_data_is_said_in_words(page, records: Records) -> None:
    text = page(records)
    assert re.search(r"no data \(n = \d+\)", text)
    assert '<td class="no_data">no data (not blocking)</td><td>too few rows</td>' in text
    assert "None" not in text


def test_without_a_champion_there_was_nothing_to_beat(page, records: Records) -> None:
    assert "There was no champion yet" in page(records)


def test_beside_a_champion_it_is_told_by_how_much(page, records: Records, tmp_path: Path) -> None:
    worse_by = Estimate(value=-0.0123, low=-0.02, high=-0.001, n=1500)
    compared = Comparison(metric="log_loss", candidate=0.2, champion=0.2123, worse_by=worse_by, rounds=99, seed=1)
    verdict = with_verdict(tmp_path, GATES, compared)
    text = page(replace(records, verdict=verdict), champion="2")
    assert "champion (version 2) 0.212, candidate 0.2; the candidate is worse by -0.0123 [-0.02, -0.001]" in text
    assert "1,500 test rows, by log loss" in text
    assert "no champion yet" not in text


def test_a_comparison_without_data_is_no_number(page, records: Records, tmp_path: Path) -> None:
    nothing = Estimate(value=None, n=12)
    compared = Comparison(metric="auc", candidate=None, champion=None, worse_by=nothing, rounds=99, seed=1)
    text = page(replace(records, verdict=with_verdict(tmp_path, GATES, compared)), champion="2")
    assert "the candidate is worse by no data (n = 12)" in text


@pytest.mark.parametrize(
    ("blocking", "verdict", "said"),
    [
        (True, "fail", "stopped"),
        (True, "no_data", "stopped"),
        (False, "fail", "no gate stopped it"),
        (True, "pass", "no gate stopped it"),
    ],
)
def test_the_head_says_whether_a_gate_stopped(page, records, tmp_path, blocking, verdict, said) -> None:
    gate = GateResult(gate="g", check="c", threshold=1.0, value=None, verdict=verdict, blocking=blocking)
    text = page(replace(records, verdict=with_verdict(tmp_path, [*GATES, gate], None)))
    assert f">{said}</b>" in text


def test_a_missing_or_broken_check_is_named(page, records: Records, tmp_path: Path) -> None:
    for content in (None, "{"):
        path = tmp_path / "check.json"
        if content is not None:
            path.write_text(content)
        with pytest.raises(FairleadError, match=r"check\.json cannot be read"):
            page(replace(records, checks=(path,)))


@pytest.mark.parametrize("name", [f.name for f in fields(Records) if f.name != "checks"])
def test_a_missing_record_is_named(page, records: Records, tmp_path: Path, name: str) -> None:
    with pytest.raises(FairleadError, match=rf"record .*no_such_{name}.* cannot be read") as caught:
        page(replace(records, **{name: tmp_path / f"no_such_{name}"}))
    assert caught.value.__cause__ is not None
    assert not (tmp_path / "deep").exists()


@pytest.mark.parametrize("name", [f.name for f in fields(Records) if f.name not in {"bundle", "checks"}])
def test_a_broken_record_is_named(page, records: Records, tmp_path: Path, name: str) -> None:
    broken = tmp_path / f"broken_{name}"
    broken.write_text('{"half":')
    with pytest.raises(FairleadError, match=rf"(?s)broken_{name} cannot be read: .*run the step that writes it again"):
        page(replace(records, **{name: broken}))


def test_rows_that_take_part_with_weights_are_told(page, records: Records, tmp_path: Path) -> None:
    plain = page(records)
    assert "rows had not matured and have no label;" in plain
    assert "bad, expected" not in plain
    assert "Training window: expanding.</p>" in plain
    found = json.loads(records.labels.read_text())
    labels = changed(records.labels, tmp_path, immature=1200, immature_bad=30, weighed=1100, too_old=2345)
    text = page(replace(records, labels=labels))
    assert "1,200 rows had not matured; 30 of them were already known to be bad. 1,100 of them take part" in text
    assert "Training window: expanding; 2,345 rows were older and were left out.</p>" in text
    assert f"{found['splits']['test']['expected_bad']:.3g}</td>" in text
    assert "had matured at the training date or take part with weights" in text


def test_records_from_before_there_were_weights_can_be_shown(page, records: Records, tmp_path: Path) -> None:
    found = json.loads(records.labels.read_text())
    old = {k: v for k, v in found.items() if k not in {"weighed", "too_old"}}
    (tmp_path / "labels.json").write_text(json.dumps(old))
    slices = json.loads(records.slices.read_text())
    for m in slices:
        del m["metrics"]["relative_calibration_error"]
    (tmp_path / "slices.json").write_text(json.dumps(slices))
    text = page(replace(records, labels=tmp_path / "labels.json", slices=tmp_path / "slices.json"))
    assert "rows had not matured and have no label;" in text
