import numpy as np
import pytest

from components.core.contracts import Columns
from components.judgement.explanations.margins import LINEAR, PATH_DEPENDENT, NotExplained, line, open_margin
from components.training.bundle import Bundle


def test_the_method_is_named_as_what_it_is(trees: Bundle, linear: Bundle) -> None:
    assert open_margin(trees)[0] == PATH_DEPENDENT == "tree_shap_path_dependent"
    assert open_margin(linear)[0] == LINEAR == "linear_interventional"


def test_a_line_has_the_closed_form(linear: Bundle, rows: Columns) -> None:
    """phi_i = w_i (x_i - E x_i), Lundberg and Lee (2017), corollary 1, with weights read off the served model."""
    read = line(linear)
    background = linear.transform.apply(linear.background())
    matrix = read.filled(linear.transform.apply(rows)).astype(np.float32)
    added = read.margin(background)(matrix)[:, :-1]
    bumped = matrix.copy()
    bumped[:, 3] += 1
    p, q = (linear.scorer.score(m) for m in (matrix, bumped))
    weight = np.mean(np.log(q / (1 - q)) - np.log(p / (1 - p)))
    mean = read.filled(background)[:, 3].mean()
    assert added[:, 3] == pytest.approx(weight * (matrix[:, 3] - mean), abs=2e-3)


def test_another_kind_of_model_is_refused(trees: Bundle) -> None:
    foreign = trees.contract.model_copy(update={"algorithm": "forest"})
    other = Bundle(trees.path, foreign, trees.transform, trees.calibration, trees.scorer)
    with pytest.raises(NotExplained, match="'forest' cannot be explained feature by feature; those of kind xgboost"):
        open_margin(other)
