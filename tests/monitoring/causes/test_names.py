import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.monitoring.causes.names import exchange, find

BANKS = [
    "First Bank",
    "Bank of the West",
    "Union Trust",
    "Savings & Loan",
    "Valley Bank",
    "Harbor Bank",
    "Mission Bank",
]
WEIGHTS = np.array([0.35, 0.22, 0.15, 0.1, 0.08, 0.06, 0.04])


def drawn(n, values=BANKS, weights=WEIGHTS, seed=1):
    return pl.Series(np.random.default_rng(seed).choice(values, n, p=weights), dtype=pl.String)


BEFORE = drawn(2000)
NOW = drawn(800, seed=2)
MIXED = drawn(800, weights=WEIGHTS[[1, 0, 4, 3, 2, 6, 5]], seed=3)


def with_holes(values, share, seed=4):
    lost = np.random.default_rng(seed).random(len(values)) < share
    return pl.Series([None if gone else v for v, gone in zip(values, lost, strict=True)], dtype=pl.String)


@pytest.mark.parametrize(
    ("now", "name", "said"),
    [
        (NOW.str.to_uppercase(), "respelled", "'FIRST BANK' for 'First Bank'"),
        (NOW + "  ", "respelled", "for 'First Bank'"),
        (NOW.str.replace_all(" ", "_"), "respelled", "'First_Bank'"),
        (NOW.str.head(6), "respelled", "after 6 characters"),
        ("US/" + NOW, "respelled", "'US/' before them"),
        (pl.Series(["First Bank"] * 800), "constant", "35% were"),
        (pl.Series([None] * 800, dtype=pl.String), "empty", "none of 800 rows"),
        (NOW.replace(BANKS, [f"B{i:03}" for i in range(7)]), "renamed", "7 of the names went (100% of the rows)"),
        (pl.Series(["N/A", *NOW[1:]]).head(800).to_frame().select(
            pl.when(pl.int_range(800) % 20 == 0).then(pl.lit("N/A")).otherwise(pl.first())).to_series(),
         "sentinel", "5.0% of the rows say 'N/A'"),
    ],
)  # fmt: skip
def test_every_fault_has_its_name(now, name, said):
    found = find(BEFORE, now)
    assert found.name == name
    assert said in found.reason
    assert found.certain


@pytest.mark.parametrize(("old", "new"), [("1", "1.0"), ("1", "01"), ("1.50", "1.5")])
def test_numbers_by_another_spelling_are_the_same_names(old, new):
    assert find(pl.Series([old, "7"] * 50), pl.Series([new, "7"] * 50)).name == "respelled"


@pytest.mark.parametrize(("word", "certain"), [("unknown", True), ("Other", True), ("First Bank", False)])
def test_missing_values_that_were_filled_are_told_by_what_with(word, certain):
    found = find(with_holes(BEFORE, 0.2), with_holes(NOW, 0.2).fill_null(word))
    assert (found.name, found.certain) == ("filled", certain)
    assert repr(word) in found.reason


def test_an_exchange_and_a_single_new_name_may_be_the_world():
    swap = find(BEFORE, NOW.replace({"First Bank": "Harbor Bank", "Harbor Bank": "First Bank"}))
    assert (swap.name, swap.certain) == ("swapped", False)
    one = find(BEFORE, NOW.replace({"Bank of the West": "Western Bank"}))
    assert (one.name, one.certain) == ("renamed", False)


def test_a_mix_that_shifts_is_no_fault():
    mild = drawn(800, weights=WEIGHTS[::-1] * 0.2 + WEIGHTS * 0.8, seed=3)
    assert find(BEFORE, mild) is None
    new_bank = pl.Series(["Third Bank" if i % 3 else v for i, v in enumerate(NOW)])
    assert find(BEFORE, new_bank) is None


def test_ranks_say_who_has_whose_share():
    assert exchange({"a": 0.7, "b": 0.3}, {"a": 0.3, "b": 0.7}) == {"b": "a", "a": "b"}
    assert exchange({"a": 0.7, "b": 0.3}, {"a": 0.6, "b": 0.4}) == {}


@settings(max_examples=30)
@given(st.integers(0, 10_000))
def test_nothing_is_found_in_halves_of_the_same_values(seed):
    order = with_holes(BEFORE, 0.1, seed).sample(fraction=1.0, shuffle=True, seed=seed)
    assert find(order[:600], order[600:1200]) is None


def test_a_handful_of_rows_shows_no_fault():
    assert find(BEFORE, NOW[:20].str.to_uppercase()) is None
