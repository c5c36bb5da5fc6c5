import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.features.sba_loans import FEATURES, MINIMUM_OF_SECTOR, SMOOTHING

DAY = np.array(["2004-01-31"], dtype="datetime64[D]")


def value(name: str, state=None, **columns) -> float:
    rows = {k: np.array([v], dtype=object if isinstance(v, str | None) else None) for k, v in columns.items()}
    (result,) = FEATURES[name].compute(rows, state)
    return float(result)


@pytest.mark.parametrize(
    ("name", "columns", "expected"),
    [
        ("log_amount", {"GrAppv": 1.0}, 0.0),
        ("guarantee_share", {"GrAppv": 200.0, "SBA_Appv": 150.0}, 0.75),
        ("amount_per_job", {"GrAppv": 12.0, "NoEmp": 1.0, "CreateJob": 10.0}, 0.0),
        ("employees", {"NoEmp": 0.0}, 0.0),
        ("jobs_created", {"CreateJob": np.e - 1}, 1.0),
        ("new_business", {"NewExist": "2"}, 1.0),
        ("new_business", {"NewExist": "1"}, 0.0),
        ("revolving_line", {"RevLineCr": "Y"}, 1.0),
        ("revolving_line", {"RevLineCr": "0"}, 0.0),
        ("revolving_line", {"RevLineCr": None}, np.nan),
        ("low_doc", {"LowDoc": None}, np.nan),
        ("franchise", {"FranchiseCode": 1.0}, 0.0),
        ("franchise", {"FranchiseCode": 2.0}, 1.0),
        ("same_state", {"State": "CA", "BankState": "CA"}, 1.0),
        ("same_state", {"State": "CA", "BankState": "NY"}, 0.0),
        ("same_state", {"State": "CA", "BankState": None}, np.nan),
    ],
)
def test_a_feature_by_hand(name, columns, expected):
    np.testing.assert_allclose(value(name, **columns), expected)


@pytest.mark.parametrize(
    ("naics", "expected"), [(722110.0, 0.0), (541110.0, 1.0), (111110.0, 2.0), (0.0, np.nan), (np.nan, np.nan)]
)
def test_sector_ranks_common_industries_and_pools_rare_ones(naics, expected):
    np.testing.assert_array_equal(value("sector", [72, 54], NAICS=naics), expected)


def test_sectors_are_learnt_by_frequency_then_number():
    n = MINIMUM_OF_SECTOR
    codes = [110_000.0] * (n - 1) + [720_000.0] * n + [540_000.0] * n + [440_000.0] * (n + 1) + [0.0] * 500 + [np.nan]
    learnt = FEATURES["sector"].learn({"NAICS": np.array(codes)}, np.zeros(len(codes)))
    assert learnt == [44, 54, 72]


@pytest.mark.parametrize("entity", ["bank", "zip", "industry"])
def test_the_rate_is_drawn_towards_the_overall_rate(entity):
    def rate(count, bad):
        return value(f"{entity}_rate", 0.1, **{f"{entity}_count": count, f"{entity}_bad": bad})

    assert rate(np.nan, np.nan) == pytest.approx(0.1)
    assert rate(0.0, 0.0) == pytest.approx(0.1)
    assert rate(SMOOTHING, 0.0) == pytest.approx(0.05)
    assert rate(1e6, 3e5) == pytest.approx(0.3, abs=1e-4)
    labels = np.array([1.0, 0.0, 0.0, 0.0])
    assert FEATURES[f"{entity}_rate"].learn({}, labels) == 0.25


def test_volume_and_recency_of_an_entity():
    assert value("bank_volume", bank_count=np.nan) == 0.0
    assert value("bank_volume", bank_count=np.e - 1) == pytest.approx(1.0)
    recency = FEATURES["zip_recency"].compute
    last = np.array(["2004-01-01"], dtype="datetime64[D]")
    assert recency({"ApprovalDate": DAY, "zip_last_bad": last}, None).tolist() == [30.0]
    never = np.array(["NaT"], dtype="datetime64[D]")
    assert np.isnan(recency({"ApprovalDate": DAY, "zip_last_bad": never}, None)).all()


amounts = st.floats(0, 1e7) | st.just(np.nan)
words = st.sampled_from(["CA", "NY", "Y", "1", "2", None])


def _plainly(name, state, row):
    """The features that were made fast, written as one would without arrays."""
    if name in ("new_business", "revolving_line"):
        given, wanted = (row["NewExist"], "2") if name == "new_business" else (row["RevLineCr"], "Y")
        return np.nan if given is None else float(given == wanted)
    if name == "same_state":
        return np.nan if row["BankState"] is None else float(row["BankState"] == row["State"])
    if name == "sector":
        digits = 0 if np.isnan(row["NAICS"]) else int(row["NAICS"] // 10_000)
        return np.nan if digits == 0 else float(state.index(digits) if digits in state else len(state))
    n, b = (0.0 if np.isnan(row[c]) else row[c] for c in ("bank_count", "bank_bad"))
    return (b + SMOOTHING * state) / (n + SMOOTHING) if name == "bank_rate" else float(np.log1p(n))


@given(
    st.lists(
        st.fixed_dictionaries(
            {
                **dict.fromkeys(("NewExist", "RevLineCr", "State", "BankState"), words),
                "NAICS": st.integers(0, 999_999).map(float) | st.sampled_from([0.0, np.nan, 440_000.0, 230_000.0]),
                **dict.fromkeys(("bank_count", "bank_bad"), amounts),
            }
        ),
        max_size=6,
    ),
    st.lists(st.integers(1, 99), unique=True, max_size=20),
)
def test_arrays_give_to_the_bit_what_rows_give_one_by_one(rows, sectors):
    columns = {
        c: np.array(
            [row[c] for row in rows], dtype=object if c in ("NewExist", "RevLineCr", "State", "BankState") else float
        )
        for c in ("NewExist", "RevLineCr", "State", "BankState", "NAICS", "bank_count", "bank_bad")
    }
    for name, state in [
        ("new_business", None),
        ("revolving_line", None),
        ("same_state", None),
        ("sector", sectors),
        ("bank_rate", 0.08),
        ("bank_volume", None),
    ]:
        found = FEATURES[name].compute(columns, state)
        np.testing.assert_array_equal(found, np.array([_plainly(name, state, row) for row in rows], dtype=float), name)
