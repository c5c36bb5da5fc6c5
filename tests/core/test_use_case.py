from datetime import date

import pytest
import yaml

from components.core.errors import FairleadError
from components.core.use_case import SHIPPED, Column, UseCase, as_of_date, load, shipped

SBA = (SHIPPED / "sba_loans.yaml").read_text(encoding="utf-8")


def _changed(change) -> str:
    content = yaml.safe_load(SBA)
    change(content)
    return yaml.safe_dump(content)


@pytest.mark.parametrize("name", shipped())
def test_each_use_case_that_ships_loads_and_is_named_after_its_file(name):
    assert load(name).name == name


def test_a_use_case_comes_by_name_by_path_or_as_text(tmp_path):
    path = tmp_path / "mine.yml"
    path.write_text(SBA)
    assert load("sba_loans") == load(str(path)) == load(SBA)


@pytest.mark.parametrize("name", ["nope", "nope.yaml", ""])
def test_an_unknown_use_case_is_named_with_those_that_ship(name):
    with pytest.raises(FairleadError, match=r"allowed: .*sba_loans.*path of a YAML file"):
        load(name)


def test_a_path_that_is_no_yaml_file_is_not_read(tmp_path):
    (tmp_path / "secret.txt").write_text(SBA)
    with pytest.raises(FairleadError, match="unknown use case"):
        load(str(tmp_path / "secret.txt"))


def test_text_that_is_not_yaml_is_told():
    with pytest.raises(FairleadError, match="use case given as text is not YAML"):
        load("a: [\n")


def _drop_a_column(u):
    del u["data"]["columns"]["Bank"]


def _use_what_is_excluded(u):
    u["features"]["inputs"].append("Term")


def _misspell(u):
    u["gates"]["flors"] = []


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (_drop_a_column, r"features\.inputs names column 'Bank'; data\.columns has: ApprovalDate"),
        (_use_what_is_excluded, "Term: both in features.inputs and in features.exclude"),
        (_misspell, r"gates\.flors: Extra inputs"),
        (lambda u: u.update(name="Not A Name"), r"name: .*found 'Not A Name'"),
        (lambda u: u["data"].update(quarantine_limit=5), r"data\.quarantine_limit: .*found '5'"),
        (lambda u: u["labels"].update(maturity_months=0), r"labels\.maturity_months: .*found '0'"),
        (lambda u: u["data"]["columns"]["Bank"].update(kind="text"), r"data\.columns\.Bank\.kind: "),
        (lambda u: u["training"].update(segments=["Colour"]), "training.segments names column 'Colour'"),
        (lambda u: u.pop("title"), "title: Field required"),
        (lambda u: u["gates"]["behaviour"][0].update(values=["CA"]), "needs column and two or more values"),
    ],
)
def test_a_wrong_value_is_told_by_field_with_what_was_found(change, says):
    with pytest.raises(FairleadError, match=says):
        load(_changed(change))


def test_a_whole_section_is_not_quoted_back():
    with pytest.raises(FairleadError, match=r"title: Field required$"):
        load(_changed(lambda u: u.pop("title")))


def test_every_wrong_field_is_told_at_once():
    def change(u):
        u["data"]["quarantine_limit"] = 5
        u["labels"]["maturity_months"] = 0

    with pytest.raises(FairleadError, match=r"quarantine_limit.*maturity_months"):
        load(_changed(change))


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"kind": "int", "earliest": "2000-01-01"}, "earliest and latest are for dates, not for kind int"),
        ({"kind": "category", "latest": "2000-01-01"}, "earliest and latest are for dates, not for kind category"),
        ({"kind": "date", "minimum": 3}, "minimum and maximum are for numbers, not for kind date"),
        ({"kind": "float", "minimum": 3, "maximum": 2}, "minimum 3 is above maximum 2"),
        ({"kind": "date", "earliest": "2000-01-02", "latest": "2000-01-01"}, "earliest 2000-01-02 is after latest"),
        ({"kind": "date", "earliest": "2000-02-30"}, "earliest"),
    ],
)
def test_bounds_fit_the_kind_of_their_column(given, says):
    with pytest.raises(ValueError, match=says):
        Column(**given)


@pytest.mark.parametrize("column", ["ApprovalDate", "ChgOffDate"])
def test_no_event_or_outcome_is_known_before_it_happens(column):
    with pytest.raises(FairleadError, match=f"{column}.latest 2014-08-30 is after data.known_until 2014-08-29"):
        load(_changed(lambda u: u["data"]["columns"][column].update(latest=date(2014, 8, 30))))


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"column": "Term"}, "explanations.actionable names 'Term'; features.inputs has: ApprovalDate, Bank"),
        ({"column": "LowDoc", "direction": "increase"}, "'LowDoc' is of kind category; direction is for numbers"),
        ({"column": "GrAppv", "values": ["Y"]}, "'GrAppv' is of kind float; .*values for categories"),
        ({"column": "GrAppv", "direction": "down"}, "direction"),
    ],
)
def test_what_may_be_proposed_are_inputs_with_a_direction_that_fits(given, says):
    with pytest.raises(FairleadError, match=says):
        load(_changed(lambda u: u["explanations"]["actionable"].append(given)))


def test_without_a_word_on_explanations_nothing_is_proposed():
    assert load(_changed(lambda u: u.pop("explanations"))).explanations.actionable == ()


def test_a_use_case_survives_json():
    use_case = load("sba_loans")
    assert UseCase.model_validate_json(use_case.model_dump_json()) == use_case


def test_a_training_date_is_given_or_the_use_cases_own():
    sba = load("sba_loans")
    assert as_of_date(sba, "") == sba.as_of
    assert as_of_date(sba, "2005-06-30") == date(2005, 6, 30)
    with pytest.raises(FairleadError, match="2005-06-31"):
        as_of_date(sba, "2005-06-31")


def test_without_a_word_on_it_all_mature_rows_are_learned_from():
    plain = load(_changed(lambda c: c["training"].pop("window", None) or c["labels"].pop("immature", None)))
    assert (str(plain.training.window), plain.labels.immature) == ("expanding", "exclude")


def test_rows_to_learn_from_are_chosen_in_the_file():
    def change(content):
        content["training"]["window"] = {"policy": "decaying", "months": 24}
        content["labels"] |= {"immature": "weigh", "minimum_developed": 0.3}

    chosen = load(_changed(change))
    assert str(chosen.training.window) == "decaying 24 months"
    assert (chosen.labels.immature, chosen.labels.minimum_developed) == ("weigh", 0.3)


@pytest.mark.parametrize(
    ("section", "value", "says"),
    [
        ("training", {"window": {"policy": "sliding"}}, "window 'sliding': months is for sliding and decaying"),
        ("training", {"window": {"policy": "expanding", "months": 12}}, "window 'expanding': months is for"),
        ("training", {"window": {"policy": "sliding", "months": 0}}, "greater than or equal to 1"),
        ("labels", {"immature": "guess"}, "'exclude' or 'weigh'"),
        ("labels", {"minimum_developed": 0}, "greater than 0"),
    ],
)
def test_rows_to_learn_from_that_make_no_sense_are_refused(section, value, says):
    with pytest.raises(FairleadError, match=says):
        load(_changed(lambda c: c[section].update(value)))
