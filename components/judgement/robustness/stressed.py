"""Section of the report: noise, gaps and slips of a digit."""

from collections.abc import Sequence

import numpy as np

from components.core.contracts import Columns
from components.judgement.check_report import Chart, Figure, Table
from components.judgement.robustness.charts import auc_under_noise
from components.judgement.robustness.meter import require_probabilities
from components.judgement.robustness.section import Section, shown
from components.judgement.robustness.strained import Strain, Yardstick
from components.judgement.robustness.stress import SLIP, Ordinary, gappy, learn_ordinary, noisy, slipped
from components.judgement.row_rules import RowRules
from components.judgement.subject import Subject

SLIPS = "out_of_range"


def stress_section(subject: Subject, rules: RowRules) -> Section:
    """Stress the test rows and report what becomes of AUC and decisions."""
    settings, training, test = subject.use_case.judgement.robustness, subject.use_case.training, subject.test
    ordinary = learn_ordinary(subject.bundle.contract.inputs, subject.train.columns, rules)
    threshold = subject.bundle.contract.threshold
    yardstick = Yardstick(
        test.labels, test.weights, test.probability, threshold, training.bootstrap_rounds, training.seed
    )
    strains, refused = {}, 0.0
    for place, (name, level) in enumerate(_stresses(settings.noise, settings.missing)):
        rng = np.random.default_rng([training.seed, place])
        if name.startswith("noise"):
            rows: Columns = noisy(test.columns, ordinary, level, rng)
        elif name.startswith("missing"):
            rows = gappy(test.columns, ordinary, level, rng)
        else:
            rows, out = slipped(test.columns, ordinary, rng)
            refused = float(out.mean())
        probability = subject.bundle.probability(rows)
        require_probabilities(probability)
        strains[name] = yardstick.strain(probability)
    noise = {name: strain for name, strain in strains.items() if name.startswith("noise")}
    return Section(
        summary=(_sentence(strains, yardstick, ordinary),),
        figures=tuple(f for name, strain in strains.items() for f in _figures(name, strain, yardstick)),
        meanings=_meanings(ordinary),
        tables=(_table(strains, yardstick, ordinary, refused),),
        charts=(_chart(settings.noise, noise, yardstick),) if yardstick.enough and noise else (),
        data={"slips_refused_by_the_contract": refused, "gaps_in": [f.name for f in ordinary.nullable]},
    )


def _stresses(noise: Sequence[float], missing: Sequence[float]) -> list[tuple[str, float]]:
    return [
        *((f"noise={level:g}", level) for level in sorted(set(noise))),
        *((f"missing={level:g}", level) for level in sorted(set(missing))),
        (SLIPS, SLIP),
    ]


def _figures(name: str, strain: Strain, yardstick: Yardstick) -> list[Figure]:
    kind = name.partition("=")[0]
    return [
        Figure(
            name=f"auc_under_{kind}", of=name if "=" in name else "all", estimate=strain.auc, reason=yardstick.lacking
        ),
        Figure(name="auc_drop", of=name, estimate=strain.drop, reason=yardstick.lacking),
        Figure(name="decisions_flipped", of=name, estimate=strain.flipped),
    ]


def _sentence(strains: dict[str, Strain], yardstick: Yardstick, ordinary: Ordinary) -> str:
    told = [
        f"{name}: AUC falls by {shown(strain.drop)}, {shown(strain.flipped, percent=True)} of the decisions turn over"
        for name, strain in strains.items()
    ]
    return f"Clean test rows: AUC {shown(yardstick.clean_auc())}. Under stress, {'; '.join(told)}. {_gaps(ordinary)}"


def _gaps(ordinary: Ordinary) -> str:
    if ordinary.nullable:
        return f"What may be missing goes missing: {', '.join(f.name for f in ordinary.nullable)}."
    return "The contract lets no input be missing, so that gaps are numbers filled in with the training median."


def _table(strains: dict[str, Strain], yardstick: Yardstick, ordinary: Ordinary, refused: float) -> Table:
    rows = [(name, shown(s.auc), shown(s.drop), shown(s.flipped, percent=True)) for name, s in strains.items()]
    return Table(
        title="Stress",
        header=("stress", "AUC", "AUC lost", "decisions that turn over"),
        rows=(("none", shown(yardstick.clean_auc()), "", ""), *rows),
        note=f"{_gaps(ordinary)} {SLIPS}: one number of each row times {SLIP:g}; {refused:.1%} of these rows lie "
        "outside of their domain, where the contract refuses them; they are cut to it, to see what the model does.",
    )


def _chart(levels: Sequence[float], strains: dict[str, Strain], yardstick: Yardstick) -> Chart:
    ends = [yardstick.clean_auc(), *(s.auc for s in strains.values())]
    return Chart(title="AUC under noise", svg=auc_under_noise([0.0, *sorted(set(levels))], ends))


def _meanings(ordinary: Ordinary) -> dict[str, str]:
    over_rows = "Bootstrap interval over rows (Efron and Tibshirani, 1993)."
    return {
        "auc_under_noise": "AUC of the test rows with normal noise on every number; its standard deviation is that "
        f"share of the distance between the number's 5th and 95th percentile in training. {over_rows}",
        "auc_under_missing": f"AUC of the test rows with that share of the values gone. {_gaps(ordinary)} {over_rows}",
        f"auc_under_{SLIPS}": f"AUC of the test rows with one number of each, drawn at random, times {SLIP:g} and cut "
        f"to the contract's domain. {over_rows}",
        "auc_drop": "AUC of the clean test rows less AUC under stress. Paired: the bootstrap takes both on the same "
        "draws of rows (Efron and Tibshirani, 1993).",
        "decisions_flipped": "Share of the test rows that are decided otherwise under stress; Wilson's interval.",
    }
