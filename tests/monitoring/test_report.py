import re
from datetime import date
from html.parser import HTMLParser

import pytest

from components.core.contracts import Estimate
from components.monitoring.joined import Joined
from components.monitoring.look import look
from components.monitoring.report import MOST_EARLIER, advice, bars, headline, loss_of, write_report
from components.monitoring.runbooks import MEANING
from tests.monitoring.findings import call, cause, cohort, drift, findings, loss, report
from tests.monitoring.served import NOW

VOID = {"meta", "rect", "br", "link", "path", "use", "img"}


class Page(HTMLParser):
    """Reads a page strictly: what is opened is closed in turn, ids are unique, links lead somewhere on the page."""

    def __init__(self, text):
        super().__init__()
        self.open, self.ids, self.links, self.words, self.cells = [], [], [], [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        if tag not in VOID:
            self.open.append(tag)
        # Charts bring ids of their own.
        if "svg" not in self.open:
            self.ids += [v for k, v in attrs if k == "id"]
        self.links += [v for k, v in attrs if k == "href"]
        if tag in ("td", "th", "p", "li", "b", "h1"):
            self.cells.append((tag, dict(attrs).get("class"), []))

    def handle_startendtag(self, tag, attrs):
        assert tag not in ("td", "a")
        self.links += [v for k, v in attrs if k == "href"]

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)
        if self.cells:
            self.cells[-1][2].append(data)

    def classes(self, words):
        """The classes of the elements with these words."""
        return {c for _, c, parts in self.cells if words in "".join(parts)}


def page(found, target, earlier=()):
    write_report(found, target / "new" / "look.html", earlier)
    text = (target / "new" / "look.html").read_text(encoding="utf-8")
    assert re.findall(r'(?:src|href)="(?!#)[^"]*"|@import|url\((?!#)|<script', text) == []
    read = Page(text)
    assert len(read.ids) == len(set(read.ids))
    inside = [link[1:] for link in read.links if not link.startswith("#") or link[1:] not in read.ids]
    assert [i for i in inside if f'id="{i}"' not in text] == []
    return read, text


WHOLE = findings(
    drift=report(
        drift("Bank", "green", kind="category", test="chi_square"),
        drift("GrAppv", "amber"),
        drift("GrAppv", "red", test="psi", p_value=None),
        drift("*", "no_data", kind="multivariate", reason="fewer than 200 rows"),
    ),
    performance=[
        cohort(date(2003, 1, 1), version="1", realised=loss(0.31), estimated=loss(0.1)),
        cohort(date(2003, 4, 1), version="1", mature=12, labelled=9, early=loss(0.42), developed=0.4),
        cohort(date(2003, 7, 1), version="1", mature=0, labelled=0, severity="no_data", reason="no label tells it yet"),
        cohort(date(2003, 1, 1), version="1", group="NewExist=2", realised=loss(0.55)),
        cohort(date(2003, 4, 1), version="1", group="NewExist=2", mature=0, severity="no_data"),
        cohort(date(2003, 1, 1), realised=loss(0.3)),
    ],
    outlier_rate=Estimate(value=0.011, low=0.006, high=0.02, n=987),
    causes=(
        cause(),
        cause("slice", "all", "world_change", 0.4, "worse <all> over"),
        cause("time", "2004-02-01", "unclear", 0.2),
    ),
    calls=(call(summary="log loss rose to 0.31 & more"), call("drift", "GrAppv", "amber")),
    figures={
        "importance": {"GrAppv": 0.345},
        "histograms": {"GrAppv": {"labels": ["low", "high"], "reference": [0.5, 0.5], "current": [0.9, 0.1]}},
        "estimate_error": {
            "log_loss": {
                "metric": "log_loss", "n": 2, "mean_error": -0.2, "mean_absolute_error": 0.2, "correlation": None,
                "inside": 0, "broken": [], "flagged": True, "reason": "too low",
            },
            "auc": {
                "metric": "auc", "n": 0, "mean_error": None, "mean_absolute_error": None, "correlation": None,
                "inside": 0, "broken": [], "flagged": False, "reason": "no cohort has both",
            },
        },
        "labels": {
            "labelled": 909, "mature": 1012, "newest": "2004-03-30", "delay_days": 3.0,
            "cohorts": [
                {
                    "cohort": {"first": "2003-01-01", "last": "2003-03-31", "rows": 1000}, "mature": 1000,
                    "labelled": 900, "known_bad": 41, "matures": "2004-03-31",
                },
                {
                    "cohort": {"first": "2003-04-01", "last": "2003-06-30", "rows": 777}, "mature": 0,
                    "labelled": 0, "known_bad": 3, "matures": "2004-06-30",
                },
            ],
        },
        "detections": [
            {"detector": "page_hinkley", "stream": "loss", "group": "all", "day": "2004-02-03", "n": 812, "value": 0.7}
        ],
    },
)  # fmt: skip


def test_a_look_is_told_whole(tmp_path):
    read, text = page(WHOLE, tmp_path)
    assert read.classes("log loss rose to 0.31 & more") == {None, "why"}
    assert "worse &lt;all&gt; over" in text
    said = "".join(read.words).replace("\u00a0", " ")
    for words in (
        "1 red and 1 amber calls for attention",
        "Mend the data at their source: GrAppv",
        "FairleadLoss",
        "manifests/monitoring/runbooks/drift.md",
        "0.31 [0.279, 0.341] (n = 1,000)",
        "early 0.42 [0.378, 0.462] (n = 1,000)",
        "900 of 1,000",
        "4,321, 987",
        "all features together",
        "34.5%",
        "NewExist=2",
        "90.0%, 900",
        "page hinkley",
        "fewer than 200 rows",
        "no label tells it yet",
        "0 of 2",
        "0.011 [0.006, 0.02] (n = 987)",
    ):
        assert words in said, words
    assert text.count("<figure") == 3
    assert "low: 50.0% before, 90.0% now" in text


def test_drift_is_told_worst_first_and_what_is_green_is_folded_away(tmp_path):
    _, text = page(WHOLE, tmp_path)
    told = (
        'class="t red">red</td><td class="t">psi',
        'class="t amber">amber</td><td class="t">ks',
        "1 subjects that are",
    )
    places = [text.index(words) for words in (*told, 'class="t green">green</td><td class="t">chi square')]
    assert places == sorted(places)


def test_what_one_version_answered_alone_is_told_once(tmp_path):
    first = date(2003, 1, 1)
    both = [cohort(first, version=v, realised=loss(0.3)) for v in ("all", "1")]
    _, text = page(findings(performance=both), tmp_path)
    assert "the figures are the same as above" in text
    assert text.count("0.3 [0.27, 0.33]") == page(findings(performance=both[1:]), tmp_path)[1].count("0.3 [0.27, 0.33]")


def test_a_look_without_anything_says_so_everywhere(tmp_path):
    empty = findings(figures={"no_data": {"window": "no prediction is in the log"}})
    read, text = page(empty, tmp_path)
    assert empty.severity == "no_data"
    assert "this is not a pass" in headline(empty)
    assert "no_data" in read.classes("No data: no prediction is in the log")
    assert "no_data" in read.classes("No data: there were no rows to compare")
    assert "no_data" in read.classes("No data: no cohort has a row")
    assert "no_data" in read.classes("No data: this look did not report on labels")
    assert "None is known." in text


def test_a_calm_look_asks_for_nothing():
    calm = findings(drift=report(drift(severity="green")), performance=[cohort(date(2003, 1, 1), realised=loss(0.1))])
    assert headline(calm) == "Nothing calls for attention."
    assert advice(calm) == ["Nothing to do."]


@pytest.mark.parametrize("name", MEANING)
def test_there_is_advice_on_every_call(name):
    told = findings(calls=[call(name)])
    assert advice(told) != ["Nothing to do."]
    assert "1 red call for attention" in headline(told)


def test_a_model_is_not_to_learn_a_fault():
    both = findings(calls=[call()], causes=[cause(), cause("slice", "GrAppv > 9", "data_fault")])
    assert advice(both) == [
        "Mend the data at their source: GrAppv. A model trained on them would learn the fault.",
    ]
    assert "Retraining" in advice(findings(calls=[call()]))[0]


def test_earlier_looks_are_in_order_and_those_of_others_left_out(tmp_path):
    days = [date(2003, 1 + i % 12, 1 + i // 12) for i in range(MOST_EARLIER + 2)]
    earlier = [findings(now=d, performance=[cohort(date(2002, 1, 1), early=loss(0.1))]) for d in days]
    strangers = [findings(now=date(2005, 1, 1)), findings(now=date(2002, 5, 5), use_case="other")]
    _, text = page(WHOLE, tmp_path, [*strangers, *earlier])
    told = re.findall(r'<tr><th scope="row">(\d{4}-\d\d-\d\d)</th><td class="t', text)
    assert told == [d.isoformat() for d in sorted(days, reverse=True)[:MOST_EARLIER]]
    assert f"{MOST_EARLIER} of {MOST_EARLIER + 2} earlier looks" in text
    assert "severity by look" in text


def test_the_loss_is_the_first_metric_that_is_tracked():
    assert loss_of(WHOLE) == "log_loss"
    assert loss_of(findings(figures={"estimate_error": {"brier": {}}})) == "brier"
    only = Estimate(value=0.8, n=9)
    assert loss_of(findings(performance=[cohort(date(2003, 1, 1), realised={"auc": only})])) == "auc"
    assert loss_of(findings()) == "log_loss"


def test_bars_of_an_empty_histogram():
    assert bars({"labels": [], "reference": [], "current": []}) == {"width": 12, "bars": []}


def test_a_look_at_real_loans_is_told(tmp_path, log, watched):
    found = look(watched, Joined(log, log, watched.use_case, watched.bundle.contract.inputs).at(NOW), NOW)
    read, text = page(found, tmp_path, [found])
    assert "why" in read.classes(found.calls[0].summary)
    for c in found.causes:
        assert "why" in read.classes(c.reason)
    assert "None is known." in text
    assert "nan" not in "".join(read.words).lower().split()
