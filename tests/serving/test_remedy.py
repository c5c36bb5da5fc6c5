"""The decision on odd rows, by table and against a plain word-for-word reading of the rules."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.core.contracts import Field
from components.core.errors import FairleadError
from components.core.watching import RemedyRule
from components.serving.ordinary import Ordinary
from components.serving.quick import Layout
from components.serving.remedy import Judge

AMOUNT = Ordinary(Field(name="amount", kind="float", nullable=True), 1.0, 100.0, always=True, typical=50.0)
JOBS = Ordinary(Field(name="jobs", kind="int", nullable=True), 0.0, 9.0, typical=2.0)
SINCE = Ordinary(
    Field(name="since", kind="date", nullable=True), 10_000.0, 15_000.0, always=True, typical="1999-01-01", grows=True
)
LAST = Ordinary(Field(name="last", kind="date", nullable=True), 10_000.0, 15_000.0, typical="1999-01-01", grows=True)
BANK = Ordinary(Field(name="bank", kind="category", nullable=True), known=frozenset("AB"), always=True, typical="A")
CITY = Ordinary(Field(name="city", kind="category", nullable=True), known=None, always=True, typical="X")
FREE = Ordinary(Field(name="free", kind="category", nullable=True), known=frozenset({"u"}), typical="u")
ALL = (AMOUNT, JOBS, SINCE, LAST, BANK, CITY, FREE)
LAYOUT = Layout([o.field for o in ALL])
THRESHOLD = 2.0

GOOD = {"amount": 5.0, "jobs": 3.0, "since": 11_000, "last": 11_000, "bank": "A", "city": "Y", "free": "u"}
NAT = np.iinfo(np.int64).min


def _judge(rules, ordinary=ALL):
    return Judge(ordinary, [RemedyRule(**r) for r in rules], THRESHOLD)


def _decided(rules, scores=(0.0,), **values):
    judge = _judge(rules)
    return judge, LAYOUT.columns([{**GOOD, **values}]), np.array(scores)


REJECT, HOLD = {"remedy": "reject"}, {"remedy": "quarantine"}
FILL, PASS = {"remedy": "impute_and_flag"}, {"remedy": "pass_and_flag"}
RANGE, NEW, MISSING = {"when": "out_of_range"}, {"when": "new_category"}, {"when": "missing"}
OUT = {"when": "outlier"}


@pytest.mark.parametrize(
    ("rules", "values", "score", "remedy", "rule"),
    [
        ([RANGE | REJECT], {}, 0, None, -1),
        ([RANGE | REJECT], {"amount": 101.0}, 0, "reject", 0),
        ([RANGE | REJECT], {"amount": 100.0}, 0, None, -1),
        ([RANGE | REJECT | {"column": "jobs"}], {"amount": 101.0}, 0, "pass_and_flag", -1),
        ([RANGE | HOLD | {"column": "jobs"}, RANGE | REJECT], {"amount": 101.0, "jobs": 10.0}, 0, "quarantine", 0),
        ([RANGE | REJECT], {"since": 9_999}, 0, "reject", 0),
        ([RANGE | REJECT], {"since": 99_999}, 0, None, -1),
        ([RANGE | REJECT | {"column": "last"}], {"since": 99_999}, 0, None, -1),
        ([RANGE | REJECT | {"column": "since"}], {"since": 99_999}, 0, "reject", 0),
        ([NEW | FILL], {"bank": "C"}, 0, "impute_and_flag", 0),
        ([NEW | FILL], {"city": "C"}, 0, None, -1),
        ([MISSING | HOLD], {"bank": None}, 0, "quarantine", 0),
        ([MISSING | HOLD], {"city": None}, 0, "quarantine", 0),
        ([MISSING | HOLD], {"free": None, "jobs": np.nan, "last": NAT}, 0, None, -1),
        ([MISSING | HOLD], {"amount": np.nan}, 0, "quarantine", 0),
        ([MISSING | HOLD], {"since": NAT}, 0, "quarantine", 0),
        ([MISSING | PASS], {"since": NAT}, 0, "pass_and_flag", 0),
        ([OUT | REJECT], {}, 2.0, None, -1),
        ([OUT | REJECT], {}, 2.1, "reject", 0),
        ([OUT | REJECT | {"above": 1.5}], {}, 2.1, "pass_and_flag", -1),
        ([OUT | REJECT | {"above": 1.5}, OUT | HOLD], {}, 2.1, "quarantine", 1),
        ([OUT | REJECT | {"above": 1.5}, OUT | HOLD], {}, 3.1, "reject", 0),
        ([OUT | HOLD, RANGE | REJECT], {"amount": 0.0}, 2.1, "quarantine", 0),
    ],
)
def test_the_first_rule_that_fits_counts(rules, values, score, remedy, rule):
    judge, columns, scores = _decided(rules, [score], **values)
    judged = judge.judge(columns, scores)
    assert (judged.remedy.tolist(), judged.rule.tolist()) == ([remedy], [rule])


def test_what_is_replaced_is_what_its_own_first_rule_says():
    rules = [RANGE | FILL, NEW | REJECT, NEW | FILL, MISSING | FILL | {"column": "since"}]
    judge, columns, _ = _decided(rules, amount=1e6, jobs=-1.0, bank="C", since=NAT, city=None)
    judged = judge.judge(columns)
    filled = judge.filled(columns, judged)
    assert {
        name: values.tolist()[0] for name, values in filled.items() if name in ("amount", "jobs", "bank", "city")
    } == {
        "amount": 50.0,
        "jobs": 2.0,
        "bank": "C",
        "city": None,
    }
    assert filled["since"].astype(str).tolist() == ["1999-01-01"]
    note = judge.note(columns, judged, 0)
    assert (note.remedy, note.when) == ("impute_and_flag", "out_of_range")
    assert note.odd[:2] == ("out_of_range amount", "out_of_range jobs")
    assert set(note.odd) == {*note.odd[:2], "missing since", "new_category bank", "missing city"}
    assert note.replaced == {"amount": 1e6, "jobs": -1, "since": None}
    assert columns["amount"].tolist() == [1e6]  # what came in is as it was


def test_only_rows_that_are_to_be_replaced_are():
    judge = _judge([RANGE | REJECT | {"column": "jobs"}, RANGE | FILL])
    columns = LAYOUT.columns([GOOD | {"amount": 500.0}, GOOD | {"amount": 600.0, "jobs": 99.0}, GOOD])
    judged = judge.judge(columns)
    assert judged.rows("reject") == [1]
    assert judged.rows("reject", "impute_and_flag") == [0, 1]
    assert judge.filled(columns, judged)["amount"].tolist() == [50.0, 600.0, 5.0]
    assert judge.note(columns, judged, 2) is None


def test_the_reason_names_input_value_and_values_allowed_the_deciding_one_first():
    rules = [NEW | HOLD, OUT | REJECT]
    judge, columns, scores = _decided(rules, [2.5], amount=1e6, bank="C", since=NAT)
    told = judge.reason(columns, scores, judge.judge(columns, scores), 0)
    assert told[0] == {"when": "new_category", "column": "bank", "found": "C", "allowed": "'A', 'B'"}
    assert {"when": "out_of_range", "column": "amount", "found": 1e6, "allowed": "1 to 100"} in told
    assert {"when": "missing", "column": "since", "found": None, "allowed": "any value"} in told
    assert {"when": "outlier", "column": None, "found": 2.5, "allowed": "a score up to 2"} in told
    judge, columns, scores = _decided([OUT | REJECT | {"above": 1.2}, NEW | HOLD], [2.5], bank="C")
    first, second = judge.reason(columns, scores, judge.judge(columns, scores), 0)
    assert (first["allowed"], second["when"]) == ("a score up to 2.4", "new_category")


def test_rules_that_can_fit_nothing_are_told_with_the_cause():
    rules = [
        OUT | REJECT,
        NEW | REJECT | {"column": "city"},
        MISSING | REJECT | {"column": "jobs"},
        MISSING | REJECT,
        NEW | REJECT,
        RANGE | REJECT,
    ]
    new, missing = _judge(rules).blind()
    assert new.startswith("new_category of city: reject: training had more values than the reference keeps")
    assert missing == "missing of jobs: reject: there were training rows without one as well"
    bare = Judge(ALL, [RemedyRule(**OUT, **REJECT)], None)
    assert bare.blind() == ["outlier: reject: the bundle has no detector; too few rows were known"]
    assert bare.judge(LAYOUT.columns([GOOD])).remedy.tolist() == [None]


def test_a_rule_about_what_is_no_input_is_refused():
    with pytest.raises(FairleadError, match="'nothing'; allowed: amount, jobs"):
        _judge([RANGE | REJECT | {"column": "nothing"}])


numbers = st.sampled_from([np.nan, 0.0, 1.0, 2.0, 9.0, 100.0, 101.0, float(NAT)])
days = st.sampled_from([NAT, 9_999, 10_000, 20_000])
texts = st.sampled_from(["A", "B", "C", "u", None])
rows = st.fixed_dictionaries({o.field.name: {"date": days, "category": texts}.get(o.field.kind, numbers) for o in ALL})
rules_ = st.lists(
    st.one_of(
        st.builds(
            lambda when, name, remedy: {"when": when, "column": name, "remedy": remedy},
            st.just("out_of_range"),
            st.sampled_from([None, "amount", "jobs", "since", "last"]),
            st.sampled_from(["reject", "quarantine", "impute_and_flag", "pass_and_flag"]),
        ),
        st.builds(
            lambda when, name, remedy: {"when": when, "column": name, "remedy": remedy},
            st.sampled_from(["new_category", "missing"]),
            st.sampled_from([None, "bank", "city", "free"]),
            st.sampled_from(["reject", "quarantine", "impute_and_flag", "pass_and_flag"]),
        ),
        st.builds(
            lambda above, remedy: {"when": "outlier", "above": above, "remedy": remedy},
            st.sampled_from([1.0, 1.5]),
            st.sampled_from(["reject", "quarantine", "pass_and_flag"]),
        ),
    ),
    max_size=4,
)


def _word_for_word(row, score, named):
    """What is odd about a row: (when, input), as the rules' own description has it."""
    found = [("outlier", None)] if score > THRESHOLD else []
    for o in ALL:
        value = row[o.field.name]
        if value is None or value != value or (o.field.kind == "date" and value == NAT):
            found += [("missing", o.field.name)] if o.always else []
        elif o.field.kind != "category":
            above = value > o.high and (not o.grows or o.field.name in named)
            found += [("out_of_range", o.field.name)] if value < o.low or above else []
        elif o.known is not None and value not in o.known:
            found.append(("new_category", o.field.name))
    return found


@given(st.lists(st.tuples(rows, st.sampled_from([0.0, 2.0, 2.5, 3.5])), min_size=1, max_size=6), rules_)
def test_the_decision_is_that_of_the_words_and_quick_and_thorough_agree(given_rows, rules):
    judge = _judge(rules)
    scores = np.array([score for _, score in given_rows])
    named = {r.get("column") for r in rules if r["when"] == "out_of_range"}
    judged = judge.judge(LAYOUT.columns([row for row, _ in given_rows]), scores)
    for i, (row, score) in enumerate(given_rows):
        odd = _word_for_word(row, score, named)
        assert judge.plain(row) == (not [o for o in odd if o[0] != "outlier"])
        fits = [
            n
            for n, r in enumerate(rules)
            for when, name in odd
            if r["when"] == when
            and r.get("column") in (None, name)
            and (when != "outlier" or score > r["above"] * THRESHOLD)
        ]
        expected = rules[fits[0]]["remedy"] if fits else ("pass_and_flag" if odd else None)
        assert (judged.remedy[i], judged.rule[i]) == (expected, fits[0] if fits else -1)
        assert sorted((f.when, f.column or "") for f in judged.of(i)) == sorted((w, n or "") for w, n in odd)
