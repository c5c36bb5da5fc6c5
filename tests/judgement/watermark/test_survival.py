import numpy as np

from components.judgement.watermark.survival import Victim, attacked, names, survive
from components.training.dataset import read


def victim(marked, rows=3_000):
    model = marked.candidate
    matrix = model.transform.apply(read(marked.dataset, marked.case, "train").columns)[:rows]
    fresh = read(marked.dataset, marked.case, "calibration")
    return Victim(
        booster=model.model.get_booster(),
        answer=lambda m: model.calibration.apply(model.model.predict_proba(m)[:, 1]),
        threshold=model.threshold,
        matrix=matrix,
        fresh=model.transform.apply(fresh.columns),
        fresh_labels=fresh.labels,
        seed=7,
    )


def test_every_attack_has_its_name_and_its_words(marked):
    found = attacked(victim(marked))
    assert [a.name for a in found] == names(3_000)
    assert found[0].words == "copied by XGBoost from 2,000 answers"
    assert found[1].words == "copied by XGBoost from 3,000 answers"
    assert len({a.words for a in found}) == len(found)
    assert names(1_000)[0] == "attack=copied_all"


def test_what_survives_and_what_does_not_is_told(marked, read_matrix):
    valid = np.ones(len(read_matrix), dtype=bool)
    test = victim(marked).matrix[:500]
    found = survive(victim(marked, rows=1_500), marked.reading().marks, read_matrix, valid, test)
    ours = {s.attack.name.removeprefix("attack="): s.match.is_ours(1e-6) for s in found}
    kept = ("dropped_last_10pct", "dropped_last_25pct", "dropped_last_50pct", "rounded_to_2_digits")
    assert [name for name in kept if not ours[name]] == []
    # Who has the file and knows the method, or fits all leaves anew, is rid of the mark; so is a linear copy.
    lost = ("dropped_of_one_feature", "leaves_fitted_anew", "copied_linearly")
    assert [name for name in lost if ours[name]] == []
    assert all(s.answers.shape == (500,) and np.isfinite(s.answers).all() for s in found)
