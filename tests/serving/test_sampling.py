import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.core.errors import FairleadError
from components.serving.sampling import keep, rate_of, read_rates


def _kept(rate, ids):
    test = keep(rate)
    return {i for i in ids if test is None or test(i)}


@given(st.lists(st.text(), max_size=30), st.floats(0, 1), st.floats(0, 1))
def test_a_lower_rate_keeps_a_part_of_what_a_higher_one_keeps(ids, one, other):
    assert _kept(min(one, other), ids) <= _kept(max(one, other), ids)


@pytest.mark.parametrize("rate", [0.0, 0.01, 0.5, 0.9])
def test_the_share_kept_is_the_rate(rate):
    share = len(_kept(rate, map(str, range(20_000)))) / 20_000
    assert share == pytest.approx(rate, abs=4 * (rate * (1 - rate) / 20_000) ** 0.5)


def test_all_are_kept_at_one_and_none_at_nought():
    assert keep(1.0) is None
    assert _kept(0.0, map(str, range(1000))) == set()


def test_another_process_keeps_the_same():
    program = "from components.serving.sampling import keep; k = keep(0.3); print([i for i in range(99) if k(str(i))])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    kept = keep(0.3)
    assert kept is not None
    assert done.stdout.strip() == str([i for i in range(99) if kept(str(i))])


def test_an_odd_id_is_kept_or_not_and_breaks_nothing():
    assert _kept(0.5, ["\ud800"]) <= {"\ud800"}


@pytest.mark.parametrize("text", ["canary", "canary=", "canary=2", "canary=-0.1", "=0.5", "canary=nan"])
def test_a_wrong_rate_is_named(text):
    with pytest.raises(FairleadError, match=f"sampling rate '{text}'; allowed: VARIANT=RATE"):
        read_rates([text])


def test_a_variant_that_is_not_named_is_logged_in_full():
    rates = read_rates(["canary=0.5,"])
    assert (rate_of(rates, "canary"), rate_of(rates, "stable")) == (0.5, 1.0)
