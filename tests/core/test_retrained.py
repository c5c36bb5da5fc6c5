import pytest

from components.core.errors import FairleadError
from components.core.retrained import load_for_training, retrained
from components.core.watching import Retraining, Window

SLIDING = Window(policy="sliding", months=36)


@pytest.mark.parametrize(
    ("labels", "retraining", "expected"),
    [
        ("exclude", None, "exclude"),
        ("exclude", "weigh", "weigh"),
        ("weigh", None, "weigh"),
        ("weigh", "exclude", "exclude"),
    ],
)
def test_window_and_rows_are_those_of_the_retraining_and_all_else_stays(sba, labels, retraining, expected):
    case = sba.model_copy(
        update={
            "labels": sba.labels.model_copy(update={"immature": labels}),
            "retraining": Retraining(immature=retraining),
        }
    )
    found = retrained(case, SLIDING)
    assert (found.training.window, found.labels.immature) == (SLIDING, expected)
    back = found.model_copy(update={"training": case.training, "labels": case.labels})
    assert back == case


def test_a_training_run_learns_by_the_use_case_or_by_the_window_of_a_decision(sba):
    assert load_for_training("sba_loans", "") == sba
    assert load_for_training("sba_loans", SLIDING.model_dump_json(exclude_none=True)) == retrained(sba, SLIDING)


@pytest.mark.parametrize("window", ["sliding", '{"policy": "sliding"}', "{}x"])
def test_a_window_that_is_none_is_refused_with_one_that_is(window):
    with pytest.raises(FairleadError, match="is none; give JSON such as"):
        load_for_training("sba_loans", window)
