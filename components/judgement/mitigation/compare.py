"""Try ways of mitigation beside one another, and measure what each gives and takes."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from components.core.contracts import FloatArray
from components.core.errors import FairleadError, unknown
from components.core.judging import Attribute
from components.core.use_case import UseCase
from components.judgement.fairness.groups import Grouping, grouping
from components.judgement.mitigation.decider import Decider
from components.judgement.mitigation.measure import Decided, Measured, Yardstick, measure
from components.judgement.mitigation.mitigation_report import MitigationReport, Point, front, halved
from components.judgement.mitigation.parity import Codes, Criterion, counted
from components.judgement.mitigation.problem import Problem
from components.judgement.mitigation.summary import summary
from components.judgement.mitigation.ways import NAMES, Stage, Way, way
from components.training.dataset import Rows, read
from components.training.matrices import prepare
from components.training.reweighing import mitigation_of
from components.training.splits import CALIBRATION, TEST, TRAIN
from components.training.tune import Trial

STRENGTHS = (0.5, 0.75, 1.0)
SPLITS = (TRAIN, CALIBRATION, TEST)


@dataclass(frozen=True)
class _Tried:
    way: str
    stage: Stage
    strength: float
    decider: Decider


def compare(
    dataset: Path,
    use_case: UseCase,
    trial: Trial,
    attribute: str,
    criterion: Criterion = "demographic_parity",
    ways: Sequence[str] = NAMES,
    strengths: Sequence[float] = STRENGTHS,
) -> MitigationReport:
    """Try each way at each strength and measure all of them on the test split; equal arguments give equal reports.

    Args:
        dataset: what ``label_rows`` wrote.
        use_case: its ``judgement.fairness`` names the attribute and its groups, and how many rows a group needs;
            ``training`` has costs, rounds and seed.
        trial: algorithm, hyperparameters and seed of the model; every way trains with them.
        attribute: column of one of the attributes.
        criterion: what is to be evened out.
        ways: which to try.
        strengths: how hard, each above 0 and up to 1.

    Raises:
        FairleadError: an attribute or way is unknown, a strength is out of bounds, or less than two groups have enough
            rows to be compared.
    """
    groups = _groups(dataset, _attribute(use_case, attribute))
    runs = _runs(ways, strengths)
    problem, rows = _problem(dataset, use_case, trial, groups, criterion)
    tried = [_Tried("baseline", "baseline", 0.0, problem.base)]
    tried += [_Tried(name, w.stage, strength, w.run(problem, strength)) for name, w, strength in runs]
    points = _points(tried, _measured(tried, problem, read(dataset, use_case, TEST), groups[TEST]), groups[TEST])
    names = groups[TEST].names
    compared = tuple(names[g] for g in problem.compared)
    favoured, other = problem.furthest_apart()
    return MitigationReport(
        use_case=use_case.name,
        attribute=attribute,
        criterion=criterion,
        algorithm=trial.algorithm,
        compared=compared,
        apart=(names[favoured], names[other]),
        too_few={name: int(n) for name, n in zip(names, rows, strict=True) if name not in compared},
        rows=len(groups[TEST].codes),
        rounds=use_case.training.bootstrap_rounds,
        seed=use_case.training.seed,
        points=points,
        summary=summary(points, attribute, criterion),
    )


def _attribute(use_case: UseCase, column: str) -> Attribute:
    known = {a.column: a for a in use_case.judgement.fairness.attributes}
    if column not in known:
        raise unknown("attribute", column, known, "Name it in judgement.fairness.attributes of the use case.")
    return known[column]


def _runs(ways: Sequence[str], strengths: Sequence[float]) -> list[tuple[str, Way, float]]:
    if not strengths or not all(0 < s <= 1 for s in strengths):
        raise FairleadError(f"strengths {list(strengths)} of mitigation are wrong; allowed: above 0 and up to 1")
    return [(name, way(name), strength) for name in dict.fromkeys(ways) for strength in sorted(set(strengths))]


def _measured(tried: Sequence[_Tried], problem: Problem, test: Rows, groups: Grouping) -> list[Measured]:
    """Let every way decide on the test rows, and measure what comes of it."""
    x = problem.data.transform.apply(test.columns)
    decided = []
    for t in tried:
        p = t.decider.probability(x)
        decided.append(Decided(t.decider.ranked(p, groups.codes), t.decider.flagged(p, groups.codes)))
    yardstick = Yardstick(
        test.labels, test.weights, groups, problem.compared, problem.criterion, problem.furthest_apart()
    )
    return measure(decided, yardstick, problem.training)


def _groups(dataset: Path, attribute: Attribute) -> dict[str, Grouping]:
    # Grouped together, so that a place means the same group in every split.
    frame = pl.read_parquet(dataset)
    found = grouping(frame, attribute)
    return {split: found.take((frame["split"] == split).to_numpy()) for split in SPLITS}


def _problem(
    dataset: Path, use_case: UseCase, trial: Trial, groups: dict[str, Grouping], criterion: Criterion
) -> tuple[Problem, Codes]:
    """Return what the ways work on, and how many rows each group has in the split where it has least."""
    older, newer = (read(dataset, use_case, split) for split in (TRAIN, CALIBRATION))
    labels: dict[str, FloatArray] = {
        TRAIN: older.labels,
        CALIBRATION: newer.labels,
        TEST: read(dataset, use_case, TEST).labels,
    }
    rows = np.min(
        [np.bincount(groups[s].codes[counted(labels[s], criterion)], minlength=len(groups[s])) for s in SPLITS],
        axis=0,
    )
    minimum = use_case.judgement.fairness.minimum_rows
    compared = np.flatnonzero(rows >= minimum)
    if len(compared) < 2:
        told = ", ".join(f"{name} {n}" for name, n in zip(groups[TEST].names, rows, strict=True))
        raise FairleadError(
            f"not enough data to compare groups of {groups[TEST].name}: in the split where they have least, there are "
            f"{told} rows; two groups need {minimum} (judgement.fairness.minimum_rows)"
        )
    data = prepare(older, newer, _unmitigated(use_case))
    return (
        Problem(data, groups[TRAIN], groups[CALIBRATION], compared, criterion, trial, use_case.training),
        rows,
    )


def _unmitigated(use_case: UseCase) -> UseCase:
    """The baseline is the model without what the use case may already do against a gap."""
    if mitigation_of(use_case) is None:
        return use_case
    return use_case.model_copy(update={"training": use_case.training.model_copy(update={"mitigation": None})})


def _points(tried: Sequence[_Tried], measured: Sequence[Measured], groups: Grouping) -> tuple[Point, ...]:
    gaps = [m.figures["gap"].value or 0.0 for m in measured]
    # A single threshold that moves leaves every ranking as it is: it would be on this front whatever it decides.
    aucs = [
        0.0 if t.way == "one_threshold" else m.figures["auc"].value or 0.0 for t, m in zip(tried, measured, strict=True)
    ]
    by_auc = front(aucs, gaps)
    by_cost = front([-(m.figures["cost"].value or 0.0) for m in measured], gaps)
    return tuple(
        Point(
            way=t.way,
            stage=t.stage,
            strength=t.strength,
            reads_group=t.decider.reads_group,
            detail=t.decider.detail,
            **m.figures,
            auc_change=m.change["auc"],
            cost_change=m.change["cost"],
            gap_change=m.change["gap"],
            beyond_half=m.beyond_half,
            halved=halved(m.beyond_half, m.figures["gap"], measured[0].figures["gap"]),
            rates={n: float(r) for n, r in zip(groups.names, m.rates, strict=True) if not np.isnan(r)},
            on_auc_front=a and t.way != "one_threshold",
            on_cost_front=c,
        )
        for t, m, a, c in zip(tried, measured, by_auc, by_cost, strict=True)
    )
