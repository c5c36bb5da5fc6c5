"""Assessing a synthetic table: likeness, usefulness and closeness, put together as one report."""

from collections.abc import Sequence
from datetime import date

import polars as pl
from matplotlib import rc_context
from matplotlib.figure import Figure as Drawing

from components.core.contracts import Estimate
from components.core.use_case import UseCase
from components.data.synthetic.guarantee import Guarantee
from components.judgement.check_report import Chart, Figure, Table
from components.judgement.synthetic.closeness import Closeness, closeness
from components.judgement.synthetic.likeness import Margin, Pairs, margins, pairs
from components.judgement.synthetic.report import SyntheticReport
from components.judgement.synthetic.usefulness import Usefulness, is_held_out, usefulness
from components.training.charts import BLUE, GREY, STYLE, svg

MEANINGS = {
    "margin_distance": "how far a column lies from the real one: largest difference of cumulative shares for numbers "
    "and days (Kolmogorov, Smirnov), total variation for categories; 0 equal, 1 apart",
    "margin_distance_floor": "the same between real rows learned from and real rows held out: what chance makes",
    "pair_distance": "mean total variation of the two-way tables of all pairs of columns, 8 bins each",
    "pair_distance_floor": "the same between real rows learned from and real rows held out",
    "auc_real": "area under the ROC curve of a model that learned from real rows, on real test rows",
    "auc_synthetic": "the same of one that learned from synthetic rows, on the same test rows",
    "auc_lost": "the first less the second, paired (DeLong, DeLong, Clarke-Pearson 1988)",
    "log_loss_real": "mean log loss of the model that learned from real rows",
    "log_loss_synthetic": "the same of the one that learned from synthetic rows",
    "nearer_to_learned": "share of synthetic rows that lie nearer to a row learned from than to a held-out one, of as "
    "many of either (Platzer and Reutterer 2021); 0.5 is ideal",
    "copies": "share of synthetic rows that are equal to a row learned from",
    "copies_by_chance": "share of held-out real rows that are",
    "membership_auc": "how well an attacker tells rows learned from and held-out rows apart by the distance to the "
    "nearest synthetic row (Chen, Yu, Zhang, Fritz 2020); 0.5 is chance",
    "distance": "median distance of synthetic rows to the nearest row learned from, in columns that differ wholly",
    "distance_of_held_out": "the same of held-out real rows",
}


def assess(
    real: pl.DataFrame,
    synthetic: pl.DataFrame,
    use_case: UseCase,
    guarantee: Guarantee,
    as_of: date,
    seconds: float | None = None,
) -> SyntheticReport:
    """Compare a synthetic table with the real one; the same tables give the same report.

    Args:
        real: the whole real table, typed. The generator must have learned from the rows that are not ``is_held_out``.
        synthetic: the generator's rows, typed.
        use_case: names the columns and what is predicted.
        guarantee: of the generator.
        as_of: training date of the models that are compared.
        seconds: what learning and drawing took, to be told.
    """
    out = is_held_out(real[use_case.data.row_id], use_case)
    learned, held_out = real.filter(~out), real.filter(out)
    seed = use_case.training.seed
    by_column = margins(learned, synthetic, held_out, use_case, seed)
    by_pair = pairs(learned, synthetic, held_out, use_case, seed)
    useful = usefulness(real, synthetic, use_case, as_of)
    near = closeness(learned, held_out, synthetic, use_case, seed)
    figures = _figures(by_column, by_pair, useful, near)
    return SyntheticReport(
        use_case=use_case.name,
        title=use_case.title,
        guarantee=guarantee,
        rows=synthetic.height,
        learned=learned.height,
        held_out=held_out.height,
        seconds=seconds,
        summary=_summary(guarantee, figures, synthetic.height, learned.height, seconds),
        figures=figures,
        meanings=MEANINGS,
        tables=(_spent(guarantee), _worst(by_pair)),
        charts=(_chart(by_column),),
    )


def _figures(by_column: Sequence[Margin], by_pair: Pairs, useful: Usefulness, near: Closeness) -> tuple[Figure, ...]:
    none = Estimate(value=None, n=0)
    single = {
        "pair_distance": by_pair.mean,
        "pair_distance_floor": by_pair.floor,
        "auc_real": useful.real.get("auc", none),
        "auc_synthetic": useful.synthetic.get("auc", none),
        "auc_lost": useful.auc_lost,
        "log_loss_real": useful.real.get("log_loss", none),
        "log_loss_synthetic": useful.synthetic.get("log_loss", none),
        "nearer_to_learned": near.nearer,
        "copies": near.copies,
        "copies_by_chance": near.chance_copies,
        "membership_auc": near.attack,
        "distance": near.distance,
        "distance_of_held_out": near.baseline,
    }
    few = "not enough data: fewer than 100 rows"
    told = [
        Figure(
            name=name,
            estimate=e,
            reason="" if e.value is not None else useful.reason if name.startswith(("auc", "log_loss")) else few,
        )
        for name, e in single.items()
    ]
    for m in by_column:
        told.append(Figure(name="margin_distance", of=m.column, estimate=m.distance))
        told.append(Figure(name="margin_distance_floor", of=m.column, estimate=m.floor))
    return tuple(told)


def _summary(
    guarantee: Guarantee, figures: Sequence[Figure], rows: int, learned: int, seconds: float | None
) -> tuple[str, ...]:
    of = {f.name: f.estimate for f in figures if f.of == "all"}
    far = [f for f in figures if f.name == "margin_distance" and f.estimate.value is not None]
    worst = max(far, key=lambda f: f.estimate.value or 0.0)
    took = "" if seconds is None else f" in {seconds:.0f} seconds"
    return (
        guarantee.in_words(),
        f"{rows:,} rows were drawn from a generator that learned from {learned:,}{took}.",
        f"Likeness: single columns are off by at most {worst.estimate} ({worst.of}), pairs on average by "
        f"{of['pair_distance']}; held-out real rows by {of['pair_distance_floor']}.",
        f"Usefulness: AUC {of['auc_synthetic']} learned from synthetic rows, {of['auc_real']} from real ones.",
        f"Closeness: {of['nearer_to_learned']} of the synthetic rows lie nearer to rows learned from than to others; "
        f"an attacker tells members with AUC {of['membership_auc']}; 0.5 is chance for both.",
        f"Copies of rows learned from: {of['copies']}; among held-out real rows {of['copies_by_chance']}.",
    )


def _spent(guarantee: Guarantee) -> Table:
    rows = [(s.name, f"{s.rho:.4g}", f"{s.delta:.2g}") for s in guarantee.steps]
    if guarantee.rho is not None:
        rows.append(("in all", f"{guarantee.rho:.4g}", f"{guarantee.delta_of_keys:.2g}"))
        rows.append(("epsilon at delta", f"{guarantee.epsilon:.4g}", f"{guarantee.delta:.2g}"))
        rows.append(("epsilon by Bun and Steinke", f"{guarantee.epsilon_bun_steinke:.4g}", f"{guarantee.delta:.2g}"))
    return Table(
        title="What was spent",
        header=("step", "rho", "delta"),
        rows=tuple(rows),
        note=f"Accountant: {guarantee.accountant}." if guarantee.kind == "private" else guarantee.in_words(),
    )


def _worst(by_pair: Pairs) -> Table:
    return Table(
        title="Pairs that are furthest off",
        header=("column", "column", "total variation"),
        rows=tuple((a, b, f"{value:.3f}") for a, b, value in by_pair.worst),
        note=f"The worst of {by_pair.count} pairs; the mean is {by_pair.mean}.",
    )


def _chart(by_column: Sequence[Margin]) -> Chart:
    """Draw each column's distance with its interval over what chance makes."""
    known = [m for m in by_column if m.distance.value is not None]
    with rc_context(STYLE):
        drawing = Drawing(figsize=(7.2, 0.6 + 0.2 * len(known)), layout="constrained")
        axes = drawing.subplots()
        for i, m in enumerate(reversed(known)):
            axes.plot([m.distance.low or 0.0, m.distance.high or 0.0], [i, i], color=BLUE, linewidth=1.4)
            axes.plot([m.distance.value or 0.0], [i], "o", color=BLUE, ms=4)
            axes.plot([m.floor.value or 0.0], [i], "|", color=GREY, ms=9)
        axes.set_yticks(range(len(known)), [f"{m.column} ({m.measure})" for m in reversed(known)])
        axes.set_xlabel("distance from the real column; grey: held-out real rows")
        axes.set_xlim(left=0)
        return Chart(title="Single columns", svg=svg(drawing), note="with 95 % intervals")
