"""What is explained, and how: anchors and counterfactuals of rows, on the answers of the predictor."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from components.core.contracts import Columns
from components.core.errors import unknown
from components.core.explaining import Actionable
from components.core.row_rule import Rule
from components.core.use_case import UseCase
from components.features.rows import number_of_rows
from components.judgement.codes import learn
from components.judgement.counterfactuals import search
from components.judgement.explanation import AnchorExplanation, Counterfactual
from components.judgement.recourse.rules import proposal_rules
from components.judgement.row_rules import RowRules
from components.serving.exchange import NotOffered
from components.serving.explainer.predictor import Predictor, Served
from components.training.bundle import Bundle
from components.training.v2_request import v2_columns

SEED = 7
"""Anchors are drawn; the same row gets the same one."""


@dataclass(frozen=True)
class Told:
    """The explanations of n rows, and the version of the model that they are about."""

    rows: tuple[AnchorExplanation | Counterfactual, ...]
    version: str


class Explaining:
    """Explains what the predictor answers.

    Args:
        bundle: the opened bundle that the predictor serves.
        predictor: where it is.
        use_case: says which inputs may be acted on and what rows must keep; None: no input may be acted on.

    Raises:
        FairleadError: the use case proposes to change what is no input of the bundle.
    """

    def __init__(self, bundle: Bundle, predictor: Predictor, use_case: UseCase | None) -> None:
        self.bundle, self.predictor = bundle, predictor
        self._background = bundle.background()
        rules: tuple[Rule, ...] = () if use_case is None else proposal_rules(use_case)
        self._rules = RowRules(rules, bundle.contract.inputs)
        self._actionable: tuple[Actionable, ...] = () if use_case is None else use_case.explanations.actionable
        inputs = [f.name for f in bundle.contract.inputs]
        for actionable in self._actionable:
            if actionable.column not in inputs:
                raise unknown("actionable input", actionable.column, inputs, "Take the use case of the bundle's model.")

    def explain(
        self, method: str, rows: Columns, given: Collection[str], until: float, headers: Mapping[str, str]
    ) -> Told:
        """Explain n rows that passed the door, one after the other.

        Args:
            method: one of ``METHODS``.
            rows: all inputs.
            given: the inputs that the client sent.
            until: ``time.monotonic()`` by which all has to be done.
            headers: of the request.

        Raises:
            Late: it took longer.
            Unavailable: the predictor does not answer, or serves another model.
            ContractViolation: it looks up what the client left out, and the explainer does not know what it found.
        """
        one = METHODS[method]
        told, version = [], ""
        for i in range(number_of_rows(rows)):
            row = {name: values[i : i + 1] for name, values in rows.items()}
            with Served(self.predictor, self.bundle, row, until, headers) as served:
                served.require_same(given)
                told.append(one(self, served, row, f"row {i}"))
                version = served.version
        return Told(tuple(told), version)

    def require_same_model(self, until: float) -> None:
        """Have the bundle's examples scored by the predictor and compare.

        Raises:
            Unavailable: it does not answer, or serves another model.
        """
        for example in self.bundle.examples():
            row = v2_columns(example["request"], self.bundle.contract.inputs)
            with Served(self.predictor, self.bundle, row, until, {}) as served:
                served.require_same(list(row))

    def anchor(self, served: Served, row: Columns, name: str) -> AnchorExplanation:
        """Find the rules on a row's values that hold its decision.

        Raises:
            NotOffered: this environment has no alibi.
        """
        explain = anchor_explainer()
        if explain is None:
            raise NotOffered("anchors need alibi, which this environment does not have; start it in the image explain")
        read = set(self.bundle.transform.inputs)
        fields = [f for f in self.bundle.contract.inputs if f.name in read]
        codes = learn(fields, [self._background, row])
        return explain(served, codes, self._background, row, name, SEED)

    def counterfactual(self, served: Served, row: Columns, name: str) -> Counterfactual:
        """Find the fewest changes under which a row is decided otherwise."""
        contract = self.bundle.contract
        groups = [(entity.key, *entity.history) for entity in contract.entities]
        return search(
            served, row, self._background, contract.inputs, self._actionable, self._rules, groups=groups, name=name
        )


def anchor_explainer() -> Callable[..., AnchorExplanation] | None:
    """Return what finds anchors, None where there is no alibi; the first call takes seconds."""
    if find_spec("alibi") is None:
        return None
    from components.judgement.anchors import explain

    return explain


METHODS: dict[str, Callable[[Explaining, Served, Columns, str], Any]] = {
    "anchors": Explaining.anchor,
    "counterfactuals": Explaining.counterfactual,
}
"""What may be asked for; the first is given where nothing is asked."""
