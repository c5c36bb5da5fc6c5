import numpy as np

from components.core.contracts import Columns
from components.core.use_case import UseCase
from components.judgement.explanations.contributions import contributions
from components.judgement.recourse.drawn import spreads
from components.judgement.recourse.reasons import approved_of, read_by, reasons
from components.judgement.recourse.rules import held
from components.judgement.recourse.stability import shaken, stable_under_noise
from components.judgement.recourse.texts import texts_of
from components.judgement.subject import Subject


def test_noise_is_small_whole_where_it_must_be_and_within_the_domain(subject: Subject, rows: Columns) -> None:
    fields = subject.bundle.contract.inputs
    spread = {"GrAppv": 1e6, "NoEmp": 1000.0}
    new = shaken(rows, fields, spread, np.random.default_rng(1))
    moved = {n for n in rows if not np.array_equal(new[n], rows[n], equal_nan=rows[n].dtype != object)}
    assert moved == set(spread)
    assert (new["NoEmp"] == np.rint(new["NoEmp"])).all()
    assert (new["NoEmp"] >= 0).all()
    assert (new["GrAppv"] >= 1).all()
    assert 0.5e4 < np.std(new["GrAppv"] - rows["GrAppv"]) < 1.5e4


def test_without_noise_every_first_reason_stays_and_under_a_storm_some_do_not(
    subject: Subject, case: UseCase, rows: Columns
) -> None:
    bundle, texts = subject.bundle, texts_of(case)
    near, rules = approved_of(bundle, bundle.background()), held(case, bundle.contract.inputs)
    told = reasons(contributions(bundle, rows), near, texts, read_by(bundle))
    names = tuple(f.name for f in bundle.contract.inputs if f.kind in {"int", "float"})
    spread = spreads(subject.train.columns, names)

    def stable(times: float) -> int:
        wide = {name: times * value for name, value in spread.items()}
        return int(stable_under_noise(bundle, rows, told, near, texts, rules, wide, seed=7).sum())

    assert stable(0) == 40
    assert stable(1) == stable(1)
    assert stable(100) < stable(1) <= 40
