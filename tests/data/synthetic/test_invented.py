import polars as pl
import pytest

from components.core.use_case import load
from components.data.quarantine import check_rows
from components.data.synthetic.generate import generate
from components.data.synthetic.invented import BAD, invent
from components.features.store import build_features
from components.training.labels import label_rows


@pytest.mark.parametrize("name", ["card_default", "sba_loans"])
def test_a_table_from_the_schema_alone_goes_the_whole_way_to_labels(name, tmp_path):
    case = load(name)
    made = generate(invent(case), case, 600, 1)
    raw, clean, features = (tmp_path / f"{n}.parquet" for n in ("raw", "clean", "features"))
    made.write_parquet(raw)
    assert check_rows(raw, case.data, clean, tmp_path / "quarantine.parquet").quarantined == 0
    build_features(clean, case, tmp_path / "store", features)
    report = label_rows(features, case, case.as_of, tmp_path / "dataset.parquet")
    assert all(0 < s.bad < s.rows for s in (report.splits[split] for split in ("train", "calibration", "test")))


def test_it_looks_at_no_row_and_says_so(shops):
    made = invent(shops)
    assert made.guarantee.kind == "invented"
    assert made.rows == 0


def test_about_a_fifth_is_bad(shops):
    assert generate(invent(shops), shops, 4_000, 1)["unpaid"].mean() == pytest.approx(BAD, abs=0.03)


def test_bad_rows_lean_to_one_end(shops):
    made = generate(invent(shops), shops, 4_000, 1)
    middle = dict(made.group_by("unpaid").agg(pl.col("amount").median()).iter_rows())
    assert abs(middle[1] / middle[0] - 1) > 0.1
