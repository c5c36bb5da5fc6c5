import pytest
from scipy.stats import norm

from components.core import watching
from components.core.errors import FairleadError
from components.core.watching import Threshold
from components.monitoring.drift import category, embedding, multivariate, numeric
from components.monitoring.drift.thresholds import defaults, require_known, threshold


def test_every_test_that_a_use_case_can_ask_for_has_thresholds() -> None:
    ours = {*numeric.tests, *category.tests, *multivariate.tests, *embedding.tests, "mmd"}
    facts = {"missing_share", "column_gone", "column_new", "dtype_changed", "outside_domain"}
    assert set(defaults) == ours | facts
    assert set(numeric.tests) == set(watching.NumericTest.__args__)
    assert set(category.tests) == set(watching.CategoryTest.__args__)


def test_a_use_case_may_set_its_own() -> None:
    own = {"psi": Threshold(amber=0.2, red=0.3)}
    assert threshold("psi", own).amber == 0.2
    assert threshold("ks", own) == defaults["ks"]


def test_a_test_that_does_not_exist_is_refused() -> None:
    with pytest.raises(FairleadError, match="unknown drift test 'psl'; allowed: psi, ks"):
        require_known({"psl": Threshold(amber=1, red=1)})
    with pytest.raises(FairleadError, match="unknown drift test 'psl'"):
        threshold("psl", {})


def test_ks_and_psi_agree_on_a_shifted_normal() -> None:
    for psi, ks in zip(("amber", "red"), ("amber", "red"), strict=True):
        shift = getattr(defaults["psi"], psi) ** 0.5
        assert getattr(defaults["ks"], ks) == pytest.approx(2 * norm.cdf(shift / 2) - 1, abs=0.005)
