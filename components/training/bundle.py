"""The bundle: a directory that holds everything a served model is, and refuses to open when anything disagrees."""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from components.core.artifacts import hash_file, whole_directory
from components.core.contracts import Columns, Contract, Entity, FloatArray, HeldOut
from components.core.errors import FairleadError
from components.core.use_case import UseCase
from components.core.watching import require_inputs
from components.features.catalogue import catalogue
from components.features.rows import history_columns, number_of_rows, request_fields
from components.features.transform import Transform
from components.training import integrity
from components.training.calibration import Calibration
from components.training.examples import example_differences
from components.training.fingerprints import digest, environment_lock, feature_states, scoring_code
from components.training.outliers import FILE as OUTLIERS
from components.training.outliers import fit_known
from components.training.reference import reference
from components.training.scorer import Scorer
from components.training.v2_request import column, json_values, v2_body

if TYPE_CHECKING:  # who opens a bundle has no need of the libraries that train
    from components.training.candidate import Candidate

logger = logging.getLogger(__name__)

WATERMARK = "watermark.json"
"""By which key a model was marked and how; a bundle of a model without a mark has no such file."""

REMEDIES = "remedies.json"
"""The use case's rules on odd rows; a bundle of a use case that has none has no such file."""

BACKGROUND_ROWS = 200
EXAMPLES = {"low risk": 0.05, "middling risk": 0.5, "high risk": 0.95}
"""Requests that travel with the bundle: training rows at these quantiles of the predicted probability."""


@dataclass(frozen=True)
class Bundle:
    """An opened bundle: turns requests into probabilities.

    Args:
        path: its directory.
        contract: what it takes and gives.
        transform: the fitted transform.
        calibration: what is applied to the model's score.
        scorer: the model.
    """

    path: Path
    contract: Contract
    transform: Transform
    calibration: Calibration
    scorer: Scorer = field(repr=False, compare=False)

    @classmethod
    def open(cls, path: Path, *, same_code: bool = True) -> "Bundle":
        """Open a bundle after checking that its files, transform and code are those that were trained.

        The signature is not looked at here: ``signing.verify`` does that, where a key is known.

        Args:
            path: its directory.
            same_code: False to take the bundle with other code too, as long as that scores the bundle's examples as
                they were scored in training; a server never does.

        Raises:
            IntegrityError: something disagrees; lists what was expected and what was found.
        """
        wrong = integrity.file_differences(path)
        contract = integrity.read_contract(path, wrong)
        transform = integrity.read_transform(path, catalogue(contract.model), wrong)
        calibration = integrity.read_calibration(path, wrong)
        wrong += integrity.transform_differences(path, contract, transform)
        if same_code:
            wrong += integrity.code_differences(path, contract, transform)
        integrity.refuse(path, wrong)
        scorer = Scorer(path / "model.onnx")
        if scorer.width not in (None, len(contract.features)):
            integrity.refuse(path, [f"model.onnx takes {scorer.width} features, the contract {len(contract.features)}"])
        _warn_of_environment(path, contract)
        opened = cls(path, contract, transform, calibration, scorer)
        if not same_code:
            integrity.refuse(path, example_differences(opened.examples(), contract.inputs, opened.probability))
        return opened

    def probability(self, rows: Columns) -> FloatArray:
        """Probability of a bad outcome, shape (n,), float64.

        Raises:
            ContractViolation: a column that a feature reads is missing.
        """
        return self.calibration.apply(self.scorer.score(self.transform.apply(rows)))

    def decide(self, probability: FloatArray) -> npt.NDArray[np.int64]:
        """Turn probabilities into decisions: 1 at or above the contract's threshold, else 0."""
        return (probability >= self.contract.threshold).astype(np.int64)

    def version(self) -> str:
        """Name this model by its content: the first 12 digits of the sha256 of its contract."""
        return hash_file(self.path / "contract.json")[:12]

    def background(self) -> Columns:
        """Training rows, at most ``BACKGROUND_ROWS``, to explain predictions against."""
        content = json.loads((self.path / "background.json").read_text(encoding="utf-8"))
        fields = {f.name: f for f in self.contract.inputs}
        return {name: column(values, fields[name]) for name, values in content.items()}

    def examples(self) -> list[dict[str, Any]]:
        """Requests with their answers: ``name``, ``request`` (V2 body), ``probability``, ``decision``."""
        found: list[dict[str, Any]] = json.loads((self.path / "examples.json").read_text(encoding="utf-8"))
        return found


def write(
    candidate: "Candidate",
    use_case: UseCase,
    dataset: Path,
    as_of: date,
    data_hash: str,
    target: Path,
    features: Path | None = None,
) -> Contract:
    """Write a bundle, whole or not at all; it still has to get its model card and be signed (see ``sealing``).

    Args:
        candidate: the trained model.
        use_case: what it was trained for.
        dataset: the labelled data set; its train split gives parity rows, reference, background and examples.
        as_of: training date.
        data_hash: sha256 of the raw table.
        target: the directory to make.
        features: the table of ``build_features``; what was known of it at ``as_of`` tells the guard what is ordinary.
            None writes a bundle without a guard, as too few rows do.

    Raises:
        FairleadError: there is something at ``target``, or a rule on odd rows is about what is no input.
        IntegrityError: the portable form does not answer like the trained model.
    """
    from components.training.dataset import learned_until, read
    from components.training.export import export

    if target.exists():
        if not target.is_dir() or any(target.iterdir()):
            raise FairleadError(f"{target} is there already; a bundle is never written over: remove it or name another")
        target.rmdir()
    rows = read(dataset, use_case, "train").columns
    matrix = candidate.transform.apply(rows)
    contract = _contract(candidate, use_case, as_of, data_hash, learned_until(dataset))
    with whole_directory(target) as scratch:
        difference = export(candidate, matrix, scratch)
        logger.info("model.onnx answers like the trained model within %.1e on %d rows", difference, len(matrix))
        probability = candidate.calibration.apply(candidate.model.predict_proba(matrix)[:, 1])
        contract.write(scratch / "contract.json")
        (scratch / "transform.json").write_text(candidate.transform.to_json(), encoding="utf-8")
        candidate.calibration.write(scratch / "calibration.json")
        _write_json(scratch / "fingerprints.json", _fingerprints(candidate.transform))
        _write_json(scratch / "reference.json", reference(rows, matrix, probability, contract))
        _write_json(scratch / "background.json", _background(rows, contract, use_case.training.seed))
        _write_json(scratch / "examples.json", _examples(rows, probability, contract))
        if use_case.monitoring.remedies:
            require_inputs(use_case.monitoring.remedies, contract.inputs)
            rules = [rule.model_dump(mode="json") for rule in use_case.monitoring.remedies]
            _write_json(scratch / REMEDIES, {"remedies": rules})
        if candidate.watermark is not None:
            _write_json(scratch / WATERMARK, candidate.watermark.model_dump(mode="json"))
        guard = fit_known(features, use_case, candidate.transform, as_of) if features else None
        if guard is not None:
            guard.write(scratch / OUTLIERS)
        _write_json(scratch / integrity.CHECKSUMS, integrity.checksums(scratch))
    return contract


def _contract(candidate: "Candidate", use_case: UseCase, as_of: date, data_hash: str, trained_until: date) -> Contract:
    return Contract(
        model=use_case.name,
        inputs=request_fields(use_case),
        entities=tuple(
            Entity(name=e.name, key=e.column, history=history_columns(e.name), window_months=e.window_months)
            for e in use_case.features.entities
        ),
        event_time=use_case.data.event_time if use_case.data.event_time in use_case.features.inputs else "",
        features=candidate.transform.names,
        threshold=candidate.threshold,
        as_of=as_of.isoformat(),
        trained_until=trained_until.isoformat(),
        held_out=HeldOut(seed=use_case.training.seed, share=use_case.training.test_share)
        if use_case.training.split == "shuffled"
        else None,
        algorithm=candidate.algorithm,
        data_hash=data_hash,
        transform_fingerprint=candidate.transform.fingerprint(),
        code_fingerprint=digest(scoring_code(candidate.transform)),
        environment_lock=environment_lock(),
    )


def _fingerprints(transform: Transform) -> dict[str, Mapping[str, str]]:
    # The contract has one digest of each; with the parts beside it a difference can be named.
    return {"code": scoring_code(transform), "transform": feature_states(transform)}


def background_rows(rows: Columns, seed: int) -> Columns:
    """Draw the training rows that a bundle carries as its background."""
    n = number_of_rows(rows)
    chosen = np.sort(np.random.default_rng(seed).choice(n, size=min(n, BACKGROUND_ROWS), replace=False))
    return {name: values[chosen] for name, values in rows.items()}


def _background(rows: Columns, contract: Contract, seed: int) -> dict[str, list[Any]]:
    drawn = background_rows(rows, seed)
    return {f.name: json_values(drawn[f.name], f) for f in contract.inputs}


def _examples(rows: Columns, probability: FloatArray, contract: Contract) -> list[dict[str, Any]]:
    order = np.argsort(probability, kind="stable")
    examples = []
    for name, quantile in EXAMPLES.items():
        row = int(order[int(quantile * (len(order) - 1))])
        one = {f.name: rows[f.name][row : row + 1] for f in contract.inputs}
        answer = float(probability[row])
        examples.append(
            {
                "name": name,
                "request": v2_body(one, contract.inputs, name.replace(" ", "-"), contract.entities),
                "probability": answer,
                "decision": int(answer >= contract.threshold),
            }
        )
    return examples


def _warn_of_environment(path: Path, contract: Contract) -> None:
    # Only a warning: the explainer opens bundles from an environment of its own, and a security update of some
    # library must not stop a model. Whether scores still agree is measured by the smoke test, not guessed from a lock.
    found = environment_lock()
    if found != contract.environment_lock:
        logger.warning(
            "bundle %s was trained with environment lock %s…, this is %s…; its scores were not compared in this one",
            path,
            contract.environment_lock[:12],
            found[:12],
        )


def _write_json(path: Path, values: object) -> None:
    path.write_text(json.dumps(values, indent=1, sort_keys=True, allow_nan=False) + "\n", encoding="utf-8")
