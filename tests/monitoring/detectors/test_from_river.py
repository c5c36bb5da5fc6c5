import numpy as np
from river import drift

from components.monitoring.detectors.from_river import Adwin, ddm, page_hinkley


def test_the_wrapper_says_what_the_library_says() -> None:
    rng = np.random.default_rng(1)
    values = np.concatenate([rng.normal(0, 1, 800), rng.normal(3, 1, 800), rng.normal(0, 1, 800)]).tolist()
    theirs, found = drift.ADWIN(), []  # type: ignore[no-untyped-call]
    for i, value in enumerate(values):
        theirs.update(value)  # type: ignore[no-untyped-call]
        if theirs.drift_detected:
            found.append(i)
    assert len(found) >= 2
    assert Adwin("both").run(values) == found
    assert Adwin("up").run(values) == [i for i in found if i < 1600]


def test_a_warning_comes_before_the_drift() -> None:
    detector = ddm()
    states = [detector.update(float(i % every == 0)) for every, n in ((20, 500), (3, 200)) for i in range(n)]
    assert 500 <= states.index("warning") < states.index("drift")


def test_the_unit_of_the_values_counts_for_page_hinkley() -> None:
    values = np.array([0.4, 0.6] * 150 + [0.6, 0.8] * 100)
    assert page_hinkley("up").run(values) == []
    assert page_hinkley("up").run(10 * values)[0] >= 300
