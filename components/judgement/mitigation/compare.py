"""Try ways of mitigation beside one another, and measure what each gives and takes."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl

from components.core.contracts import FloatArray
from components.core.errors import FairleadError, unknown
from components.core.judging import Attribute
from components.core.use_case import UseCase
from components.judgement.fairness.groups import Grouping, grouping
from components.judgement.mitigation.crossing import crossed
from components.judgement.mitigation.decider import Decider
from components.judgement.mitigation.measure import Decided, Measured, Yardstick, measure
from components.judgement.mitigation.mitigation_report import MitigationReport, Point, front, halved
from components.judgement.mitigation.parity import Codes, Criterion, counted
from components.judgement.mitigation.problem import Problem
from components.judgement.mitigation.summary import summary
from components.judgement.mitigation.ways import NAMES, Stage, Way, way
from components.training.dataset import Rows, read
from components.training.matrices import prepare
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


@dataclass(frozen=True)
class _Part:
    """The ways as they were made of one cut of the rows, and what they decide on its test rows."""

    problem: Problem
    rows: Codes
    """Of each group, in the split where it has least."""
    tried: tuple[_Tried, ...]
    decided: tuple[Decided, ...]
    test: Rows
    groups: Grouping
    """Of the test rows."""


def compare_asked(dataset: Path, use_case: UseCase, trial: Trial) -> MitigationReport:
    """Try what ``judgement.mitigation`` of a use case asks for; see ``compare``.

    Raises:
        FairleadError: it names no attribute.
    """
    asked = use_case.judgement.mitigation
    if not asked.attribute:
        raise FairleadError(
            f"use case {use_case.name} names no group to compare; write judgement.mitigation.attribute into its YAML"
        )
    how = asked.ways, asked.strengths, asked.folds
    return compare(dataset, use_case, trial, asked.attribute, asked.criterion, *how)


def compare(
    dataset: Path,
    use_case: UseCase,
    trial: Trial,
    attribute: str,
    criterion: Criterion = "demographic_parity",
    ways: Sequence[str] = NAMES,
    strengths: Sequence[float] = STRENGTHS,
    folds: int = 1,
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
        folds: 1 measures on the test split. More cut all rows into so many parts, and each is decided on by ways that
            were made without it: narrower intervals, in so many times the time (see ``crossing``).

    Raises:
        FairleadError: an attribute or way is unknown, a strength is out of bounds, less than two groups have enough
            rows to be compared, or rows that were split by time are to be cut by chance.
    """
    column, runs = _attribute(use_case, attribute), _runs(ways, strengths)
    if folds == 1:
        parts = [_part(dataset, use_case, trial, column, criterion, runs)]
    else:
        with tempfile.TemporaryDirectory() as folder:
            cuts = crossed(dataset, use_case, folds, Path(folder))
            parts = [_part(cut, use_case, trial, column, criterion, runs) for cut in cuts]
    decided, yardstick = _pooled(parts)
    points = _points(parts[0].tried, measure(decided, yardstick, use_case.training), yardstick.groups)
    names = yardstick.groups.names
    compared = tuple(names[g] for g in yardstick.compared)
    fewest = np.min([part.rows for part in parts], axis=0)
    favoured, other = yardstick.apart
    return MitigationReport(
        use_case=use_case.name,
        attribute=attribute,
        criterion=criterion,
        algorithm=trial.algorithm,
        compared=compared,
        apart=(names[favoured], names[other]),
        too_few={name: int(n) for name, n in zip(names, fewest, strict=True) if name not in compared},
        rows=len(yardstick.labels),
        folds=folds,
        rounds=use_case.training.bootstrap_rounds,
        seed=use_case.training.seed,
        points=points,
        summary=summary(points, attribute, criterion),
    )


def _part(
    dataset: Path,
    use_case: UseCase,
    trial: Trial,
    attribute: Attribute,
    criterion: Criterion,
    runs: Sequence[tuple[str, Way, float]],
) -> _Part:
    """Make every way of the train and calibration rows, and let it decide on the test rows."""
    groups = _groups(dataset, attribute)
    problem, rows = _problem(dataset, use_case, trial, groups, criterion)
    tried = [_Tried("baseline", "baseline", 0.0, problem.base)]
    tried += [_Tried(name, w.stage, strength, w.run(problem, strength)) for name, w, strength in runs]
    test, codes = read(dataset, use_case, TEST), groups[TEST].codes
    x = problem.data.transform.apply(test.columns)
    decided = []
    for t in tried:
        p = t.decider.probability(x)
        decided.append(Decided(t.decider.ranked(p, codes), t.decider.flagged(p, codes)))
    return _Part(problem, rows, tuple(tried), tuple(decided), test, groups[TEST])


def _pooled(parts: Sequence[_Part]) -> tuple[list[Decided], Yardstick]:
    """Put the test rows of all parts together, with what each way decided on them."""
    first = parts[0]
    decided = [
        Decided(np.concatenate([d.score for d in several]), np.concatenate([d.flagged for d in several]))
        for several in zip(*(part.decided for part in parts), strict=True)
    ]
    # A group that is too small in one part is compared in none.
    compared = np.array(
        sorted(set.intersection(*(set(part.problem.compared.tolist()) for part in parts))), dtype=np.intp
    )
    if len(compared) < 2:
        raise FairleadError(
            f"less than two groups have enough rows in each of the {len(parts)} parts; take fewer folds"
        )
    groups = replace(first.groups, codes=np.concatenate([part.groups.codes for part in parts]))
    yardstick = Yardstick(
        labels=np.concatenate([part.test.labels for part in parts]),
        weights=np.concatenate([part.test.weights for part in parts]),
        groups=groups,
        compared=compared,
        criterion=first.problem.criterion,
        apart=first.problem.furthest_apart(),
    )
    return decided, yardstick


def _attribute(use_case: UseCase, column: str) -> Attribute:
    known = {a.column: a for a in use_case.judgement.fairness.attributes}
    if column not in known:
        raise unknown("attribute", column, known, "Name it in judgement.fairness.attributes of the use case.")
    return known[column]


def _runs(ways: Sequence[str], strengths: Sequence[float]) -> list[tuple[str, Way, float]]:
    if not strengths or not all(0 < s <= 1 for s in strengths):
        raise FairleadError(f"strengths {list(strengths)} of mitigation are wrong; allowed: above 0 and up to 1")
    return [(name, way(name), strength) for name in dict.fromkeys(ways) for strength in sorted(set(strengths))]


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
    if use_case.training.mitigation is None:
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
