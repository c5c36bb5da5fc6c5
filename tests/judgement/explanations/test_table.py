from pathlib import Path

import numpy as np
import polars as pl
import pytest

from components.core.errors import ContractViolation, FairleadError
from components.features.rows import from_frame
from components.judgement.explanations.contributions import contributions
from components.judgement.explanations.table import METHODS, explain_table
from components.training.bundle import Bundle


@pytest.fixture(scope="module")
def table(small_dataset: Path, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("table") / "rows.parquet"
    pl.read_parquet(small_dataset).head(70).write_parquet(path, row_group_size=20)
    return path


@pytest.mark.parametrize("method", METHODS)
def test_each_row_adds_up_in_the_order_of_the_table(either: Bundle, table: Path, method: str, tmp_path: Path) -> None:
    written = explain_table(either, table, tmp_path / "out.parquet", method, chunk=30)
    found = pl.read_parquet(tmp_path / "out.parquet")
    source = pl.read_parquet(table)
    shap = [f"shap_{name}" for name in either.contract.features]
    assert found.columns == ["row_id", "probability", "decision", "base_value", *shap, "method"]
    assert found["row_id"].to_list() == source["row_id"].to_list()
    p = either.probability(from_frame(source, either.contract.inputs))
    assert found["probability"].to_numpy() == pytest.approx(p)
    assert found["decision"].to_list() == either.decide(p).tolist()
    odds = found["base_value"].to_numpy() + found.select(shap).to_numpy().sum(axis=1)
    assert 1 / (1 + np.exp(-odds)) == pytest.approx(p, abs=5e-6)
    assert (written.rows, set(found["method"])) == (70, {written.method})
    sizes = np.abs(found.select(shap).to_numpy()).mean(axis=0)
    assert list(written.importance.values()) == pytest.approx(sorted(sizes, reverse=True))


def test_parts_make_no_difference(trees: Bundle, table: Path, tmp_path: Path) -> None:
    for chunk in (7, 1000):
        explain_table(trees, table, tmp_path / f"{chunk}.parquet", chunk=chunk)
    small, whole = (pl.read_parquet(tmp_path / f"{chunk}.parquet") for chunk in (7, 1000))
    assert small.equals(whole)
    own = contributions(trees, from_frame(pl.read_parquet(table), trees.contract.inputs))
    name = own.features[0]
    assert whole[f"shap_{name}"].to_numpy() == pytest.approx(own.contributions[:, 0], abs=1e-6)


def test_a_table_without_ids_needs_none(trees: Bundle, table: Path, tmp_path: Path) -> None:
    pl.read_parquet(table).drop("row_id").write_parquet(tmp_path / "bare.parquet")
    explain_table(trees, tmp_path / "bare.parquet", tmp_path / "out.parquet")
    assert pl.read_parquet(tmp_path / "out.parquet").columns[0] == "probability"


def test_a_wrong_row_far_down_is_named_and_nothing_is_written(trees: Bundle, table: Path, tmp_path: Path) -> None:
    rows = pl.read_parquet(table)
    name = next(f.name for f in trees.contract.inputs if f.kind == "float" and f.minimum is not None)
    values = rows[name].to_list()
    values[65] = -1e9
    rows.with_columns(pl.Series(name, values, dtype=rows.schema[name])).write_parquet(tmp_path / "in.parquet")
    with pytest.raises(ContractViolation, match=f"'{name}', row 65: found -1000000000"):
        explain_table(trees, tmp_path / "in.parquet", tmp_path / "out.parquet", chunk=30)
    assert [p.name for p in tmp_path.iterdir()] == ["in.parquet"]


def test_what_cannot_be_explained_is_told(trees: Bundle, table: Path, tmp_path: Path) -> None:
    pl.read_parquet(table).head(0).write_parquet(tmp_path / "empty.parquet")
    with pytest.raises(FairleadError, match=r"empty\.parquet has no rows"):
        explain_table(trees, tmp_path / "empty.parquet", tmp_path / "out.parquet")
    with pytest.raises(FairleadError, match="method: found 'kernel', allowed: own, interventional"):
        explain_table(trees, table, tmp_path / "out.parquet", method="kernel")
    pl.read_parquet(table).drop(trees.contract.inputs[1].name).write_parquet(tmp_path / "narrow.parquet")
    with pytest.raises(ContractViolation, match=f"missing column {trees.contract.inputs[1].name}"):
        explain_table(trees, tmp_path / "narrow.parquet", tmp_path / "out.parquet")
