import itertools
import json
import math
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
import xgboost

from components.core.contracts import Columns
from components.core.errors import IntegrityError
from components.serving.exchange import Late, NotOffered
from components.serving.explanations import CHUNK, Explainer
from components.training import bundle as bundles
from components.training.bundle import Bundle
from components.training.scorer import TOLERANCE
from tests.conftest import AS_OF


@pytest.fixture(scope="module")
def linear(baseline, sba, small_dataset, tmp_path_factory) -> Bundle:
    """The bundle of a logistic regression."""
    path = tmp_path_factory.mktemp("linear") / "bundle"
    bundles.write(baseline, sba, small_dataset, AS_OF, "0" * 64, path)
    return Bundle.open(path)


@pytest.fixture(params=["trees", "linear"])
def either(request: pytest.FixtureRequest) -> Bundle:
    return request.getfixturevalue({"trees": "opened", "linear": "linear"}[request.param])


def _probability(log_odds):
    return 1 / (1 + np.exp(-log_odds))


def test_base_and_contributions_add_up_to_the_probability(either: Bundle, rows: Columns) -> None:
    explained = Explainer(either).explain(rows)
    assert explained.contributions.shape == explained.values.shape == (1500, len(either.contract.features))
    assert np.array_equal(explained.probability, either.probability(rows))
    found = _probability(explained.base_value + explained.contributions.sum(axis=1))
    assert np.abs(found - explained.probability).max() <= TOLERANCE
    assert np.abs(explained.contributions).max() > 0.1


def test_the_method_is_named_as_what_it_is(opened: Bundle, linear: Bundle, rows: Columns) -> None:
    one = {name: values[:1] for name, values in rows.items()}
    assert Explainer(opened).explain(one).method == "tree_shap_path_dependent"
    assert Explainer(linear).explain(one).method == "linear_interventional"


def test_a_linear_contribution_is_the_mean_effect_over_all_orders(linear: Bundle, rows: Columns) -> None:
    """By the definition of a Shapley value, with unknown features at the background's mean, on the served model."""
    one = {name: values[:1] for name, values in rows.items()}
    explained = Explainer(linear).explain(one)
    background = linear.transform.apply(linear.background()).astype(np.float64)
    medians = np.nanmedian(background, axis=0)  # any value does for a gap that the row does not have
    mean = np.where(np.isnan(background), medians, background).mean(axis=0)
    given = ~np.isnan(explained.values[0]) & ~np.isnan(background).any(axis=0)
    chosen = np.flatnonzero(given)[:3].tolist()

    def log_odds(known):
        row = explained.values[0].astype(np.float64).copy()
        for i in set(chosen) - set(known):
            row[i] = mean[i]
        p = linear.calibration.apply(linear.scorer.score(row.astype(np.float32)[None, :]))[0]
        return math.log(p / (1 - p))

    for feature in chosen:
        effects = []
        for order in itertools.permutations(chosen):
            before = order[: order.index(feature)]
            effects.append(log_odds((*before, feature)) - log_odds(before))
        assert explained.contributions[0, feature] == pytest.approx(np.mean(effects), abs=2e-4)


def test_a_feature_that_no_tree_reads_moves_nothing(candidate, opened: Bundle, rows: Columns) -> None:
    read = candidate.model.get_booster().get_score(importance_type="weight")
    unread = [i for i in range(len(opened.contract.features)) if f"f{i}" not in read]
    explained = Explainer(opened).explain(rows)
    assert not explained.contributions[:, unread].any()
    assert explained.contributions[:, [int(name[1:]) for name in read]].any(axis=0).all()


def test_the_largest_are_those_farthest_from_nothing(opened: Bundle, rows: Columns) -> None:
    explained = Explainer(opened).explain({name: values[:5] for name, values in rows.items()})
    for row in range(5):
        sizes = np.abs(explained.contributions[row])
        places = explained.largest(row, 4)
        assert sizes[places].tolist() == sorted(sizes, reverse=True)[:4]


def test_it_stops_when_its_time_is_over(opened: Bundle, rows: Columns) -> None:
    explainer = Explainer(opened)
    with pytest.raises(Late, match="only 0 of 1500 rows were explained in time"):
        explainer.explain(rows, time.monotonic() - 1)
    few = {name: values[: CHUNK + 1] for name, values in rows.items()}
    assert len(explainer.explain(few, time.monotonic() + 60).probability) == CHUNK + 1


@pytest.fixture
def changed(signed_bundle: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(signed_bundle, tmp_path / "changed"))


def _opened_as_is(path: Path, like: Bundle) -> Bundle:
    """Open without the checks that would refuse it; a bundle made so by mistake would be well signed."""
    return Bundle(path, like.contract, like.transform, like.calibration, like.scorer)


def test_trees_of_another_model_are_refused(changed: Path, opened: Bundle, rows: Columns) -> None:
    path = changed / "model.ubj"
    trees = json.loads(bytes(xgboost.Booster(model_file=str(path)).save_raw("json")))
    trees["learner"]["gradient_booster"]["model"]["trees"][0]["split_conditions"][-1] += 0.5
    xgboost.Booster(model_file=bytearray(json.dumps(trees).encode())).save_model(path)
    with pytest.raises(IntegrityError, match="differs from its scores"):
        Explainer(_opened_as_is(changed, opened)).explain(rows)


def test_what_cannot_be_explained_is_told(changed: Path, opened: Bundle, rows: Columns) -> None:
    (changed / "model.ubj").unlink()
    with pytest.raises(NotOffered, match=r"has no model\.ubj"):
        Explainer(_opened_as_is(changed, opened)).explain(rows)
    foreign = opened.contract.model_copy(update={"algorithm": "forest"})
    other = Bundle(opened.path, foreign, opened.transform, opened.calibration, opened.scorer)
    with pytest.raises(NotOffered, match="models of kind 'forest' cannot be explained"):
        Explainer(other).explain(rows)
    mistaken = opened.contract.model_copy(update={"algorithm": "logistic"})
    other = Bundle(opened.path, mistaken, opened.transform, opened.calibration, opened.scorer)
    with pytest.raises(NotOffered, match=r"model\.onnx holds TreeEnsembleClassifier"):
        Explainer(other).explain(rows)
