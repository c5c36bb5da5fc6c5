import stat
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare, kstest

from components.core.errors import FairleadError
from components.training.watermark_key import WatermarkKey, ensure_watermark_key, read_watermark_key

KEY = WatermarkKey(bytes(range(32)))


def test_the_key_is_made_once_and_is_its_owners_alone(tmp_path):
    path = tmp_path / "keys" / "watermark.key"
    with ThreadPoolExecutor(8) as pool:
        ids = {key.id for key in pool.map(lambda _: ensure_watermark_key(path), range(16))}
    assert ids == {read_watermark_key(path).id}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [p.name for p in path.parent.iterdir() if not p.name.startswith(".")] == ["watermark.key"]


@pytest.mark.parametrize("text", ["", "no key", "00" * 31, "00" * 33])
def test_what_is_no_key_is_refused_with_the_way_out(text, tmp_path):
    (tmp_path / "key").write_text(text)
    with pytest.raises(FairleadError, match=r"64 hexadecimal digits.*FAIRLEAD_WATERMARK_KEY"):
        ensure_watermark_key(tmp_path / "key")
    assert (tmp_path / "key").read_text() == text


def test_a_missing_key_is_not_made_by_reading(tmp_path):
    with pytest.raises(FairleadError, match="cannot be read"):
        read_watermark_key(tmp_path / "key")
    assert not list(tmp_path.iterdir())


def test_neither_text_nor_id_give_the_secret_away():
    assert KEY.secret.hex() not in repr(KEY)
    assert "secret" not in repr(KEY)
    assert KEY.id not in KEY.secret.hex()
    assert len(KEY.id) == 16


def test_coins_are_fair_and_independent_of_their_neighbours_and_of_other_purposes():
    coins, others = KEY.coins("one", 20_000), KEY.coins("two", 20_000)
    assert set(coins.tolist()) == {-1, 1}
    # Four standard deviations of a mean of 20,000 fair signs.
    for sample in (coins, others, coins * others, coins[1:] * coins[:-1]):
        assert abs(sample.mean()) < 4 / 20_000**0.5
    triples = np.bincount((coins[:19_998].reshape(-1, 3) > 0) @ [1, 2, 4], minlength=8)
    assert chisquare(triples).pvalue > 1e-3


def test_uniforms_fill_the_interval_evenly():
    assert kstest(KEY.uniforms("place", 5_000), "uniform").pvalue > 1e-3


@given(st.text(max_size=20), st.integers(0, 50))
def test_draws_are_the_same_again_and_longer_ones_begin_the_same(purpose, n):
    assert np.array_equal(KEY.coins(purpose, n), KEY.coins(purpose, n + 7)[:n])
    assert np.array_equal(KEY.uniforms(purpose, n), KEY.uniforms(purpose, n + 7)[:n])
    assert sorted(KEY.order(purpose, n).tolist()) == list(range(n))


def test_another_key_draws_otherwise():
    other = WatermarkKey(bytes(reversed(range(32))))
    assert other.id != KEY.id
    assert 0.4 < (other.coins("one", 1_000) == KEY.coins("one", 1_000)).mean() < 0.6
