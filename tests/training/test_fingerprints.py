import sys

from components.features import transform
from components.features.transform import Feature
from components.training import fingerprints


def test_the_code_fingerprint_covers_the_features_and_not_the_reports(candidate):
    code = fingerprints.scoring_code(candidate.transform)
    assert {"components.features.sba_loans", "components.features.rows", *fingerprints.ALWAYS} <= code.keys()
    assert all(name.startswith(("components.features.", "components.training.")) for name in code)
    assert "components.training.evaluate" not in code


def test_a_feature_of_a_users_own_module_and_what_it_imports_are_covered(tmp_path, monkeypatch):
    (tmp_path / "our_features.py").write_text(
        "from components.features.rows import days_between\ndef age(rows, _):\n    return rows['age']\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    import our_features

    fitted = transform.Transform((Feature("age", ("age",), our_features.age),), {})
    before = fingerprints.scoring_code(fitted)
    assert before.keys() == {"our_features", "components.features.rows", *fingerprints.ALWAYS}
    (tmp_path / "our_features.py").write_text("def age(rows, _):\n    return rows['age'] + 1\n")
    after = fingerprints.scoring_code(fitted)
    assert after["our_features"] != before["our_features"]
    assert after["components.features.transform"] == before["components.features.transform"]
    del sys.modules["our_features"]


def test_what_one_feature_learnt_has_a_fingerprint_of_its_own(candidate):
    states = fingerprints.feature_states(candidate.transform)
    assert tuple(states) == candidate.transform.names
    other = transform.Transform(candidate.transform.features, {**candidate.transform.state, "bank_rate": 0.5})
    changed = fingerprints.feature_states(other)
    assert [name for name in states if states[name] != changed[name]] == ["bank_rate"]


def test_where_there_is_no_lock_the_environment_is_unknown(monkeypatch, tmp_path):
    monkeypatch.setattr(fingerprints, "LOCK", tmp_path / "none.txt")
    assert fingerprints.environment_lock() == "unknown"
