"""The page of a replay: whole HTML, every number that the record holds, nothing from elsewhere, and no data as such."""

import re
from datetime import date
from html.parser import HTMLParser
from pathlib import Path

import pytest

from components.core.contracts import Estimate
from pipelines.replay.charts import WAYS
from pipelines.replay.replay_report import HEAD, write_report
from pipelines.replay.values import Control, EstimateError, Moment, Replayed
from tests.pipelines.replay.recorded import NOTHING, cohorts, replayed

WORDS = [f"word{i}" for i in range(60)]

VOID = {"meta", "link", "br", "hr", "img", "input"}


class Page(HTMLParser):
    """Reads a page: its words outside of charts, its rows of cells, and what it would fetch."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.wrong: list[str] = []
        self.words: list[str] = []
        self.rows: list[list[str]] = []
        self.fetched: list[str] = []
        self.charts = 0
        self.source = text
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "svg":
            self.charts += 1
        for name, value in attrs:
            if name in ("src", "href", "xlink:href", "data", "action") and not (value or "").startswith("#"):
                self.fetched.append(f"{tag} {name}={value}")
        if tag in ("script", "iframe", "object", "embed", "img", "link"):
            self.fetched.append(tag)
        if tag not in VOID and "svg" not in self.open:
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        if "svg" in self.open and tag != "svg":
            return
        if self.open and self.open[-1] == tag:
            self.open.pop()
        else:
            self.wrong.append(f"</{tag}> within {self.open[-3:]}")

    def handle_data(self, data: str) -> None:
        if "svg" in self.open or "style" in self.open:
            return
        self.words.append(data)
        if {"td", "th"} & set(self.open):
            self.rows[-1][-1] += data

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.words))


def page_of(found: Replayed, folder: Path) -> Page:
    write_report(found, folder / "replay.html")
    return Page((folder / "replay.html").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Page:
    return page_of(replayed(), tmp_path_factory.mktemp("page"))


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Page:
    """Of a record in which much is not known, and the control was not silent."""
    error = EstimateError(cohorts=0, correlation=NOTHING, mean_absolute_error=None, mean_error=None, broken_since=None)
    one = Estimate(value=0.25, n=1)
    compared = tuple(c.model_copy(update={"better_by_runs": one, "loss": NOTHING}) for c in replayed().compared)
    some = tuple(c.model_copy(update={"early": one}) for c in cohorts()[:3])
    alarm = Moment(
        day=date(2005, 3, 31), kind="alarm", severity="amber", text="chance & <bad luck>", name="label_delay"
    )
    runs = (
        Moment(day=date(2005, 3, 31), kind="retrain", text=" ".join(WORDS), version="1"),
        Moment(day=date(2005, 6, 30), kind="held", text="x" * (2 * HEAD)),
        Moment(day=date(2005, 9, 30), kind="stopped", text="stopped by auc\ngate | value\n-----+------\nauc  | 0.5"),
    )
    found = replayed(
        estimate_error=error,
        compared=compared,
        cohorts=some,
        moments=runs,
        immature=0,
        control=Control(looks=36, rows=10, alarms=(alarm,), retrains=1),
        details={},
    )
    return page_of(found, tmp_path_factory.mktemp("bare"))


def row(page: Page, first: str) -> str:
    return " ".join(next(r for r in page.rows if r and r[0].strip() == first))


def test_the_page_is_whole_and_fetches_nothing(page: Page) -> None:
    assert page.open == []
    assert page.wrong == []
    assert page.fetched == []
    assert page.charts == 3
    assert not re.search(r"url\(\s*['\"]?(?!#)|@import", page.source)


def test_it_says_what_was_served_looked_at_and_kept(page: Page) -> None:
    found = replayed()
    for words in (
        f"{found.rows:,} loans answered by 9,314 requests, 3 of them failed",
        "1 of 2",
        "36 looks, 51 changes for the worse",
        "9 training runs, 5 of them promoted",
        "272 s",
        "The time of 1,010 of the loans was not over",
        "48,473 loans, 36 looks, 0 alarms, 0 training runs called for",
    ):
        assert words in page.text
    assert "yes" in row(page, "a red alarm before 2006-01-01")
    assert "no" in row(page, "no alarm in a world that stands still").split()[-1]


def test_it_has_every_comparison_with_both_intervals(page: Page) -> None:
    for c in replayed().compared:
        told = row(page, WAYS[c.way][0])
        for e in (c.loss, *((c.better_by, c.better_by_runs) if c.way != "fairlead" else ())):
            assert f"[{e.low:.4f}, {e.high:.4f}]" in told
        assert f"{c.loss.value:.4f}" in told
        assert (f"{c.better_by.value:.4f}" in told) == (c.way != "fairlead")


def test_it_has_every_number_of_every_cohort(page: Page) -> None:
    for c in cohorts():
        told = row(page, c.first.isoformat())
        assert f"{c.rows:,}" in told
        assert f"{100 * c.bad_rate:.1f} %" in told
        for e in (*c.loss.values(), c.estimated, c.early):
            assert ("no data" if e.value is None else f"{e.value:.3f}") in told
            assert e.value is None or f"[{e.low:.3f}, {e.high:.3f}]" in told


def test_it_tells_every_moment_with_all_of_its_words(page: Page) -> None:
    told = " ".join(page.text.split())
    for m in replayed().moments:
        assert any(r[:1] == [m.day.isoformat()] for r in page.rows)
        # A long reason is parted where it is folded.
        for words in m.text.split():
            assert words in told
    assert "<of> “A & B”" in told


def test_it_tells_how_estimates_fared_and_where_the_time_went(page: Page) -> None:
    assert "0.91 [0.86, 0.96] over 36 cohorts, mean absolute error 0.071, mean error -0.053." in page.text
    assert "the platform first said on 2007-09-30 that they are not." in page.text
    for part, seconds in replayed().seconds.items():
        assert f"{seconds:.1f}" in row(page, part)


def test_what_is_not_known_is_said_to_be_so(bare: Page) -> None:
    assert "came true no data over 0 cohorts, mean absolute error no data, mean error no data." in bare.text
    assert "the platform never said that they are not." in bare.text
    assert row(bare, "frozen").count("no data") >= 2
    assert "There were none." in bare.text
    assert "when the table was drawn" not in bare.text
    assert row(bare, "2004-01-01").split()[-1] == "0.250"
    for word in ("nan", "None", "NaN", "Undefined"):
        assert word not in bare.text.split()


def test_alarms_of_the_control_are_listed(bare: Page) -> None:
    assert ["2005-03-31", "label delay", "amber", "chance & <bad luck>"] in bare.rows
    assert "10 loans, 36 looks, 1 alarms, 1 training runs called for" in bare.text
    assert bare.wrong == []


def test_a_reason_is_folded_after_whole_words(bare: Page) -> None:
    told = [r[-1] for r in bare.rows if r[1:2] in (["retrain"], ["held"], ["stopped"])]
    head, _, rest = told[0].partition("more")
    assert [*head.split(), *rest.split()] == WORDS
    assert HEAD - 10 < len(head.strip()) <= HEAD
    assert told[2].split("more")[1].startswith("gate | value\n-----+------\nauc")
    assert bare.source.count("<pre>") == 1
    assert told[1].split("more") == [f"{'x' * HEAD} ", "x" * HEAD]
