"""The table of credit card clients: what ships is what its archive gives, and the months are named as they are."""

import io
import zipfile

import polars as pl
import pytest

from components.core.errors import FairleadError, IntegrityError
from components.data import card_clients
from tests.conftest import CARD_SAMPLE

ARCHIVE = CARD_SAMPLE.with_suffix(".zip")


@pytest.fixture(scope="module")
def raw() -> pl.DataFrame:
    with zipfile.ZipFile(ARCHIVE) as archive:
        return pl.read_csv(io.BytesIO(archive.read(card_clients.MEMBER)))


def test_the_table_that_ships_is_made_from_the_archive_beside_it(tmp_path):
    assert card_clients.build(ARCHIVE, tmp_path / "made.parquet") == 30_000
    assert pl.read_parquet(tmp_path / "made.parquet").equals(pl.read_parquet(CARD_SAMPLE))


def test_nobody_paid_a_bill_before_it_was_written():
    """Amounts paid that are to the dollar a bill are nearly always that of the month before, as named here."""
    table = pl.read_parquet(CARD_SAMPLE)
    for month, before in zip(card_clients.MONTHS, card_clients.MONTHS[1:], strict=False):
        paid = pl.col(f"paid_{month}")
        whole = table.filter(paid > 0, paid == pl.col(f"bill_{before}")).height
        late = pl.col(f"paid_{before}")
        backwards = table.filter(late > 0, late == pl.col(f"bill_{month}")).height
        assert whole > 7 * backwards


def test_the_newest_delay_tells_most_of_the_outcome():
    table = pl.read_parquet(CARD_SAMPLE)
    told = [table.select(pl.corr(f"delay_{m}", "default")).item() for m in card_clients.MONTHS]
    assert told == sorted(told, reverse=True)
    assert round(told[0], 2) == 0.32  # of X6, September


def test_published_counts(raw):
    """UCI's description of the table and Yeh and Lien (2009): 30,000 clients, 22.12 % defaults; 11,888 men."""
    table = card_clients.rename(raw)
    assert round(table["default"].mean(), 4) == 0.2212
    assert table["sex"].value_counts(sort=True).rows() == [("2", 18_112), ("1", 11_888)]
    assert table["client"].to_list() == list(range(1, 30_001))
    assert (table["default_day"].is_not_null() == (table["default"] == 1)).all()


def test_another_archive_is_refused(tmp_path):
    with pytest.raises(FairleadError, match="no archive at"):
        card_clients.build(tmp_path / "none.zip", tmp_path / "made.parquet")
    (tmp_path / "other.zip").write_bytes(b"something else")
    with pytest.raises(IntegrityError, match="has sha256"):
        card_clients.build(tmp_path / "other.zip", tmp_path / "made.parquet")


def test_command_line(tmp_path, capsys):
    card_clients.main(["--archive", str(ARCHIVE), "--target", str(tmp_path / "made.parquet")])
    assert "30,000 rows" in capsys.readouterr().out
