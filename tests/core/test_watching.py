"""How a use case is watched: what its settings say, and what they may not say."""

import pytest
from pydantic import ValidationError

from components.core.contracts import Field
from components.core.errors import FairleadError
from components.core.watching import ODD_KINDS, Monitoring, RemedyRule, Retraining, Threshold, Window, require_inputs

INPUTS = (Field(name="amount", kind="float"), Field(name="bank", kind="category"), Field(name="day", kind="date"))


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"when": "outlier", "column": "amount", "remedy": "reject"}, "found column 'amount', allowed: none"),
        ({"when": "outlier", "remedy": "impute_and_flag"}, "allowed: reject, quarantine, pass_and_flag"),
        ({"when": "missing", "above": 2, "remedy": "reject"}, "above is for outliers, not for missing"),
        ({"when": "outlier", "above": 0.5, "remedy": "reject"}, "greater than or equal to 1"),
        ({"when": "odd", "remedy": "reject"}, "outlier"),
        ({"when": "outlier", "remedy": "delete"}, "quarantine"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(settings, text):
    with pytest.raises(ValidationError, match=text):
        RemedyRule(**settings)


def test_a_rule_reads_as_a_sentence():
    assert str(RemedyRule(when="outlier", above=1.5, remedy="quarantine")) == "outlier above 1.5: quarantine"
    assert str(RemedyRule(when="missing", column="bank", remedy="reject")) == "missing of bank: reject"


@pytest.mark.parametrize("when", ODD_KINDS)
@pytest.mark.parametrize("field", INPUTS, ids=lambda f: f.kind)
def test_a_rule_fits_inputs_that_can_be_odd_in_that_way(when, field):
    rule = RemedyRule(when=when, column=field.name, remedy="reject")
    if field.kind in ODD_KINDS[when]:
        require_inputs([rule], INPUTS)
    else:
        with pytest.raises(FairleadError, match=f"{field.name} is of kind {field.kind}, allowed for {when}"):
            require_inputs([rule], INPUTS)


def test_a_rule_about_no_input_names_those_there_are():
    rule = RemedyRule(when="missing", column="amuont", remedy="reject")
    with pytest.raises(FairleadError, match=r"'amuont'; allowed: amount, bank, day"):
        require_inputs([rule], INPUTS)
    require_inputs([RemedyRule(when="missing", remedy="reject")], INPUTS)


def test_without_settings_odd_rows_are_passed_and_no_section_is_needed():
    assert Monitoring().remedies == ()
    assert Retraining().windows == (Window(),)


@pytest.mark.parametrize(
    ("kind", "settings", "text"),
    [
        (Threshold, {"amber": 2, "red": 1}, "red 1 is below amber 2"),
        (Window, {"policy": "sliding"}, "months is for sliding and decaying"),
        (Window, {"months": 3}, "months is for sliding and decaying"),
        (Retraining, {"triggers": ["schedule"]}, "need each other"),
        (Retraining, {"schedule_months": 3}, "need each other"),
        (Monitoring, {"remedy": []}, "Extra inputs"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(kind, settings, text):
    with pytest.raises(ValidationError, match=text):
        kind(**settings)
