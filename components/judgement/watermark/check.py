"""The watermark check: can the model be told as ours from its answers, at what cost, and after which attacks."""

from collections.abc import Sequence

import numpy as np
import xgboost
from sklearn.metrics import roc_auc_score

from components.core.contracts import Estimate, FloatArray
from components.core.errors import FairleadError
from components.judgement.check_report import CheckReport, Figure, Table
from components.judgement.subject import Subject
from components.judgement.watermark import survival
from components.judgement.watermark.cost import Unmarked, cost
from components.judgement.watermark.reading import Reading, reading
from components.judgement.watermark.survival import Survived, Victim, survive
from components.judgement.watermark.verification import Match, needed
from components.training.booster import FILE
from components.training.dataset import read
from components.training.marks import Matrix, requests
from components.training.splits import CALIBRATION

MEANINGS = {
    "watermark_match": "Share of the marks that the model's answers agree with; half of them for a model without the "
    "mark. Interval of Clopper and Pearson (1934); n counts marks.",
    "watermark_false_positive": "Probability that a model made without our key agrees with as many marks or more: the "
    "exact tail of a binomial distribution with chance 1/2 (Adi et al. 2018). A number computed, not estimated: it has "
    "no interval.",
    "watermark_auc_cost": "How much AUC the mark costs on the test rows, beside the same model without it; paired "
    "bootstrap. Below 0 the marked model is better.",
    "watermark_log_loss_cost": "The same of the mean log loss, in nats.",
    "watermark_survives": "Share of the marks that the thief's model agrees with after an attack (Tramèr et al. 2016 "
    "on copying; Jia et al. 2021 on marks that survive it). Interval of Clopper and Pearson; n counts marks.",
    "watermark_survives_false_positive": "Probability that a model made without our key agrees as often as "
    "the thief's.",
}


def check(subject: Subject) -> CheckReport:
    """Read a model's mark, what it costs, and what is left of it after attacks.

    Raises:
        FairleadError: the use case asks for no marks.
    """
    asked = subject.use_case.judgement.watermark
    if not asked.triggers:
        raise FairleadError(
            f"{subject.use_case.name} asks for no watermark: judgement.watermark.triggers is 0; set it to 40 or more "
            "and train anew, or leave the check out with its reason (judgement.omit.watermark)"
        )
    if subject.watermark_key is None:
        return _nothing(subject, "no watermark key was named, so that no mark can be read (FAIRLEAD_WATERMARK_KEY)", 0)
    found = reading(subject.bundle, subject.use_case, subject.watermark_key)
    if isinstance(found, str):
        return _nothing(subject, found, 0)
    least = needed(len(found.marks), asked.maximum_false_positive)
    if least is None:
        few = f"{len(found.marks)} marks cannot rule out chance at {asked.maximum_false_positive:g}, whatever they say"
        return _nothing(subject, few, len(found.marks))
    return _report(subject, found, least)


def _report(subject: Subject, found: Reading, least: int) -> CheckReport:
    match = found.match(subject.bundle.probability)
    booster = xgboost.Booster({"nthread": 1})
    booster.load_model(subject.bundle.path / FILE)
    booster.set_param({"nthread": 1})
    keyed = (tuple(found.marks), found.key, subject.dataset, subject.use_case)
    plain = Unmarked(subject.bundle, booster, *keyed)
    test, unmarked = subject.test, plain.probability(subject.test.columns)
    costs = {
        metric: cost(test.labels, test.weights, test.probability, unmarked, metric, subject.use_case)
        for metric in ("auc", "log_loss")
    }
    rows = requests(found.marks, found.background)
    matrix = subject.bundle.transform.apply
    survived = survive(_victim(subject, booster), found.marks, matrix(rows), found.kept(rows), matrix(test.columns))
    control = found.match(plain.probability)
    return CheckReport(
        check="watermark",
        summary=_summary(match, control, costs["auc"], survived, least),
        figures=(*_figures(match, costs), *_survival_figures(survived)),
        meanings=MEANINGS,
        tables=(_table(match, control, survived, least, _aucs(test.labels, test.probability, unmarked, survived)),),
        data={
            "key": found.key.id,
            "marks": len(found.marks),
            "needed": least,
            "agreeing": match.agreeing,
            "survived": {s.attack.name: s.match.agreeing for s in survived},
        },
    )


def _victim(subject: Subject, booster: xgboost.Booster) -> Victim:
    bundle = subject.bundle
    fresh = read(subject.dataset, subject.use_case, CALIBRATION)

    def answer(matrix: Matrix) -> FloatArray:
        return bundle.calibration.apply(bundle.scorer.score(matrix))

    return Victim(
        booster=booster,
        answer=answer,
        threshold=bundle.contract.threshold,
        matrix=bundle.transform.apply(subject.train.columns),
        fresh=bundle.transform.apply(fresh.columns),
        fresh_labels=fresh.labels,
        seed=subject.use_case.training.seed,
    )


def _figures(match: Match, costs: dict[str, Estimate]) -> list[Figure]:
    tail = Estimate(value=match.false_positive, n=match.marks)
    return [
        Figure(name="watermark_match", estimate=match.share),
        Figure(name="watermark_false_positive", estimate=tail),
        *(
            Figure(
                name=f"watermark_{metric}_cost",
                estimate=estimate,
                reason="" if estimate.value is not None else "not enough data: test rows of both outcomes are needed",
            )
            for metric, estimate in costs.items()
        ),
    ]


def _survival_figures(survived: Sequence[Survived]) -> list[Figure]:
    shares = [Figure(name="watermark_survives", of=s.attack.name, estimate=s.match.share) for s in survived]
    tails = [
        Figure(
            name="watermark_survives_false_positive",
            of=s.attack.name,
            estimate=Estimate(value=s.match.false_positive, n=s.match.marks),
        )
        for s in survived
    ]
    return shares + tails


def _nothing(subject: Subject, reason: str, n: int) -> CheckReport:
    """Report that the mark cannot be read; every figure is there, without a value."""
    none = Estimate(value=None, n=n)
    of_all = ("watermark_match", "watermark_false_positive", "watermark_auc_cost", "watermark_log_loss_cost")
    figures = [Figure(name=name, estimate=none, reason=reason) for name in of_all]
    figures += [
        Figure(name=name, of=attack, estimate=none, reason=reason)
        for name in ("watermark_survives", "watermark_survives_false_positive")
        for attack in survival.names(len(subject.train))
    ]
    return CheckReport(
        check="watermark", summary=(f"The mark was not read: {reason}.",), figures=tuple(figures), meanings=MEANINGS
    )


def _summary(match: Match, control: Match, auc: Estimate, survived: Sequence[Survived], least: int) -> tuple[str, ...]:
    ours = "is" if match.agreeing >= least else "is NOT"
    left = [s.attack.words for s in survived if s.match.agreeing >= least]
    lost = [s.attack.words for s in survived if s.match.agreeing < least]
    return (
        f"The model {ours} told as ours from its answers: {match.agreeing} of {match.marks} marks agree, and "
        f"{least} are needed; so many agree with a model made without the key with a probability of "
        f"{match.false_positive:.1e}.",
        f"Without its mark the same model agrees with {control.agreeing}. The mark costs "
        + ("an AUC that could not be measured." if auc.value is None else f"{_signed(auc)} of AUC."),
        f"It is still told after: {'; '.join(left) or 'no attack'}.",
        f"It is no longer told after: {'; '.join(lost) or 'no attack'}.",
    )


def _table(match: Match, control: Match, survived: Sequence[Survived], least: int, aucs: Sequence[str]) -> Table:
    named = [
        ("the model", match),
        ("the same model without its mark", control),
        *((s.attack.words, s.match) for s in survived),
    ]
    return Table(
        title="What the marks say",
        header=(
            "model",
            "marks that agree",
            "chance of so many without the key",
            "told as ours",
            "AUC on the test rows",
        ),
        rows=tuple(
            (
                words,
                f"{m.agreeing} of {m.marks}",
                f"{m.false_positive:.1e}",
                "yes" if m.agreeing >= least else "no",
                auc,
            )
            for (words, m), auc in zip(named, aucs, strict=True)
        ),
        note="The thief is given the training rows to ask about, and all features as we compute them: the best case "
        "for him.",
    )


def _aucs(labels: FloatArray, marked: FloatArray, unmarked: FloatArray, survived: Sequence[Survived]) -> list[str]:
    if len(np.unique(labels)) < 2:
        return ["no data"] * (2 + len(survived))
    return [f"{roc_auc_score(labels, answers):.3f}" for answers in (marked, unmarked, *(s.answers for s in survived))]


def _yes(so: bool) -> str:
    return "yes" if so else "no"


def _signed(estimate: Estimate) -> str:
    return f"{estimate.value:+.4f} [{estimate.low:+.4f}, {estimate.high:+.4f}]"
