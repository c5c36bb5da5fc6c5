"""A use case that says all that recourse asks of one, and what is judged by it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from components.core.artifacts import hash_file
from components.core.contracts import Columns
from components.core.explaining import Course, Explanations, Moving, Reason
from components.core.judging import Attribute, Fairness, Judging, Recourse
from components.core.row_rule import Rule
from components.core.use_case import UseCase
from components.judgement.recourse.drawn import take
from components.judgement.subject import Subject, open_subject
from components.training import bundle
from components.training.bundle import Bundle
from components.training.candidate import Candidate
from tests.conftest import AS_OF, SAMPLE


@pytest.fixture(scope="session")
def case(sba: UseCase) -> UseCase:
    """Loans with texts, told apart by where the business is; ten are looked at."""
    explanations = Explanations(
        actionable=sba.explanations.actionable,
        rules=(Rule(name="half_is_guaranteed", column="SBA_Appv", expect="SBA_Appv >= 0.5 * GrAppv"),),
        reasons={
            "place": Reason(
                features=("zip_rate", "zip_volume", "zip_recency"),
                text="Loans in the same postcode: {zip_bad:.0f} of {zip_count:.0f} were charged off.",
            ),
            "size": Reason(
                features=("log_amount", "amount_per_job"),
                text="The loan is of {GrAppv:,.0f} dollars.",
                texts={"amount_per_job": "For each job {amount_per_job:.1f} (typical {typical_amount_per_job:.1f})."},
            ),
        },
        course=Course(
            moving=(
                Moving(columns=("GrAppv",), becomes="0.7 * GrAppv"),
                Moving(columns=("NoEmp", "CreateJob"), becomes="3"),
            ),
            text="Asking for less each year, you would be approved after years: {periods}.",
        ),
        words={"GrAppv": "amount of the loan", "bank_rate": "record of the bank"},
        declined="A loan officer looks at your application first.",
        contact="the loan officer",
    )
    fairness = Fairness(attributes=(Attribute(column="UrbanRural", groups={"urban": ("1",), "other": ("0", "2")}),))
    judging = Judging(recourse=Recourse(rows=10, samples=1000), fairness=fairness)
    return sba.model_copy(update={"explanations": explanations, "judgement": judging})


@pytest.fixture(scope="session")
def subject(case: UseCase, signed_bundle: Path, small_dataset: Path) -> Subject:
    return open_subject(case, signed_bundle, small_dataset)


@pytest.fixture(scope="session")
def line(case: UseCase, baseline: Candidate, small_dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Subject:
    """The same loans judged by a logistic regression."""
    target = tmp_path_factory.mktemp("line") / "draft"
    bundle.write(baseline, case, small_dataset, AS_OF, hash_file(SAMPLE), target)
    return open_subject(case, target, small_dataset)


@pytest.fixture(scope="session")
def places(subject: Subject) -> npt.NDArray[np.intp]:
    """The forty declined test rows that are nearest to the threshold."""
    declined = np.flatnonzero(subject.test.decision == 1)
    return np.sort(declined[np.argsort(subject.test.probability[declined], kind="stable")[:40]])


@pytest.fixture(scope="session")
def rows(subject: Subject, places: npt.NDArray[np.intp]) -> Columns:
    return take(subject.test.columns, places)


def at_threshold(subject: Subject, threshold: float) -> Subject:
    """The same model that declines from another probability on."""
    opened: Bundle = subject.bundle
    other = replace(opened, contract=opened.contract.model_copy(update={"threshold": threshold}))
    return replace(subject, bundle=other)
