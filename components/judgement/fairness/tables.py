"""What the check tells people: tables by group and by attribute, and the sentences above them."""

from collections.abc import Mapping, Sequence

from components.core.contracts import Estimate
from components.core.judging import Fairness
from components.judgement.check_report import Figure, Table
from components.judgement.fairness.comparison import Comparison
from components.judgement.fairness.proxies import Proxy

FOUR_FIFTHS = 0.8
"""29 CFR 1607.4 D: a selection rate below four fifths of the highest is evidence of adverse impact."""

Found = Mapping[tuple[str, str], Estimate]
"""(figure, of) → estimate."""

SHOWN = 3
"""Carriers named of each attribute."""

LEVELS = {
    "favourable": "selection_rate",
    "… of good outcomes": "true_favourable_rate",
    "… of bad outcomes": "false_favourable_rate",
    "good among favourable": "predictive_value",
    "probability minus outcome": "calibration_gap",
    "relative calibration error": "relative_calibration_error",
}
GAPS = {
    "demographic parity": "demographic_parity_difference",
    "ratio": "demographic_parity_ratio",
    "equal opportunity": "equal_opportunity_difference",
    "equalised odds": "equalised_odds_difference",
    "average odds": "average_odds_difference",
    "predictive parity": "predictive_parity_difference",
    "calibration": "calibration_gap_difference",
}


def by_estimate(figures: Sequence[Figure]) -> dict[tuple[str, str], Estimate]:
    """Look figures up by name and what they are of."""
    return {(f.name, f.of): f.estimate for f in figures}


def tables(
    compared: Sequence[Comparison], found: Found, proxies: Mapping[str, Proxy], fairness: Fairness
) -> list[Table]:
    """Lay out all tables: widest gaps by attribute, rates by group, gaps by group, and who features tell."""
    return [
        _attributes(compared, found),
        _groups(compared, found),
        _gaps(compared, found),
        _told(found, proxies, fairness),
    ]


def summary(
    compared: Sequence[Comparison], found: Found, proxies: Mapping[str, Proxy], fairness: Fairness
) -> list[str]:
    """Say in a few sentences where groups are furthest apart, and what stands in for an attribute."""
    names = [c.groups.name for c in compared]
    sentences = [
        _widest("The share of favourable decisions", "demographic_parity_ratio", names, found, lowest=True),
        _widest("Their share among good outcomes", "equal_opportunity_difference", names, found, lowest=False),
        _of_proxies(found, proxies, fairness),
    ]
    theil = found["theil_index", "all"]
    if theil.value is not None:
        sentences.append(f"Mistakes are shared out with a Theil index of {short(theil)}; 0 would be none at all.")
    return sentences


def four_fifths(ratio: Estimate) -> str:
    """Say whether the four-fifths rule is kept.

    >>> four_fifths(Estimate(value=0.85, low=0.78, high=0.92, n=1000))
    'kept, not shown'
    """
    if ratio.value is None or ratio.low is None or ratio.high is None:
        return "no data"
    if ratio.value >= FOUR_FIFTHS:
        return "kept" if ratio.low >= FOUR_FIFTHS else "kept, not shown"
    return "broken" if ratio.high < FOUR_FIFTHS else "broken, not shown"


def short(estimate: Estimate) -> str:
    """Write an estimate with three decimals, without its rows.

    >>> short(Estimate(value=0.9558, low=0.9242, high=0.9878, n=5986))
    '0.956 [0.924, 0.988]'
    """
    if estimate.value is None:
        return "no data"
    if estimate.low is None or estimate.high is None:
        return f"{estimate.value:.3f}"
    return f"{estimate.value:.3f} [{estimate.low:.3f}, {estimate.high:.3f}]"


def _attributes(compared: Sequence[Comparison], found: Found) -> Table:
    rows = []
    for c in compared:
        cells = [short(found[name, c.groups.name]) for name in GAPS.values()]
        ratio = found["demographic_parity_ratio", c.groups.name]
        rows.append((c.groups.name, f"{ratio.n:,}", *cells, four_fifths(ratio)))
    return Table(
        title="Widest gap between any two groups, by attribute",
        header=("attribute", "rows", *GAPS, "four-fifths rule"),
        rows=tuple(rows),
        note="Each interval holds for all pairs of groups at once. Groups with too few rows take no part.",
    )


def _groups(compared: Sequence[Comparison], found: Found) -> Table:
    rows = [
        (name, f"{int(n):,}", *(short(found[figure, name]) for figure in LEVELS.values()))
        for c in compared
        for name, n in zip(c.groups.names, c.groups.rows(), strict=True)
    ]
    return Table(title="Rates by group", header=("group", "rows", *LEVELS), rows=tuple(rows))


def _gaps(compared: Sequence[Comparison], found: Found) -> Table:
    rows = [
        (name, c.against or "none", *(short(found[figure, name]) for figure in GAPS.values()))
        for c in compared
        for name in c.groups.names
        if name != c.against
    ]
    return Table(
        title="Each group against one",
        header=("group", "held against", *GAPS),
        rows=tuple(rows),
        note="Each interval is for itself: of twenty groups that are treated alike, one is off by chance.",
    )


def _told(found: Found, proxies: Mapping[str, Proxy], fairness: Fairness) -> Table:
    rows = []
    for proxy in proxies.values():
        most = "; ".join(f"{c.feature} ({c.lost:+.3f})" for c in proxy.carriers[:SHOWN]) or "no data"
        for name in proxy.auc:
            rows.append((name, short(found["proxy_auc", name]), short(found["score_correlation", name]), most))
    return Table(
        title="How well features tell who somebody is",
        header=("group", "AUC", "correlation with the probability", "told by (AUC lost without)"),
        rows=tuple(rows),
        note=f"From an AUC of {fairness.maximum_proxy_auc:g} on, features stand in for the attribute.",
    )


def _widest(what: str, figure: str, names: Sequence[str], found: Found, *, lowest: bool) -> str:
    told = [(value, name) for name in names if (value := found[figure, name].value) is not None]
    if not told:
        return f"{what} could not be compared: no attribute has two groups with enough rows."
    _, name = min(told) if lowest else max(told)
    estimate = found[figure, name]
    if figure == "demographic_parity_ratio":
        smallest = f"the smallest ratio of two groups is {short(estimate)}"
        return f"{what} differs most by {name}: {smallest}, four-fifths rule {four_fifths(estimate)}."
    return f"{what} differs most by {name}, by {short(estimate)} at the widest."


def _of_proxies(found: Found, proxies: Mapping[str, Proxy], fairness: Fairness) -> str:
    told = [(value, name) for name in proxies if (value := found["proxy_auc", name].value) is not None]
    if not told:
        return "Whether features stand in for an attribute could not be told: groups are too small."
    _, name = max(told)
    over = [n for value, n in told if value > fairness.maximum_proxy_auc]
    verdict = f"{', '.join(over)} is above" if over else "none is above"
    return (
        f"Of all attributes features tell {name} best, with an AUC of {short(found['proxy_auc', name])}; {verdict} the "
        f"{fairness.maximum_proxy_auc:g} from which they would stand in for it."
    )
