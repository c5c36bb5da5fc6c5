import pytest

from components.core.watching import Retraining, Window
from components.retraining.retrained import retrained

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
