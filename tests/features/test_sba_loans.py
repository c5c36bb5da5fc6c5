import numpy as np
import pytest

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
