"""What stands around a bundle when it is served, as asked for: engines, guard, lookup, hooks, log, metrics, traces."""

import json
import logging
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from components.core.config import Settings
from components.core.contracts import Contract
from components.core.errors import FairleadError
from components.serving.engines import open_engines
from components.serving.guard import Guard
from components.serving.hooks import Hooks, open_hooks
from components.serving.lookup import MAX_AGE_DAYS, TIMEOUT_MS, Lookup, Policy
from components.serving.mask import read_mask
from components.serving.metrics import Metrics
from components.serving.ordinary import ordinary
from components.serving.prediction_log import PredictionLog, open_log
from components.serving.quarantine_log import QUARANTINE, QuarantineLog
from components.serving.remedy import Judge
from components.serving.rules import read_rules
from components.serving.sampling import read_rates
from components.serving.scoring import Scoring
from components.serving.sinks.opening import local_path
from components.serving.tracing import Tracing
from components.serving.treatment import Treatment
from components.serving.watch import Watch
from components.training.bundle import Bundle

logger = logging.getLogger("kserve.fairlead")


@dataclass(frozen=True)
class Around:
    """What is asked for around the model."""

    variant: str = "stable"
    """Which side of a rollout this server is on: ``stable``, ``canary``, ``shadow`` …"""
    hooks: str = ""
    """``package.module:Class`` with the user's own steps; empty for none."""
    log: tuple[str, ...] = ()
    """Where predictions are logged, as ``sinks.opening.SCHEMES`` has it."""
    log_rate: tuple[str, ...] = ()
    """``VARIANT=RATE``: share of the requests that is logged."""
    log_mask: str = ""
    """YAML file that says what becomes of personal fields in the log; empty for nothing."""
    traces: str = ""
    """URL of an OpenTelemetry collector; empty for no traces."""
    trace_ratio: float = 0.01
    """Share of the requests without a trace of their own that is traced."""
    remedies: str = ""
    """YAML file with rules on odd rows, in the place of the bundle's; ``none`` for no rules."""
    quarantine: str = ""
    """File in which rows are kept that a rule keeps back; empty for ``quarantine.db`` beside the prediction log."""
    features: str = ""
    """Feature store in which histories that a request leaves out are looked up; empty for none."""
    features_policy: Policy = "flag"
    """Rows that the store is too old for: ``flag`` or ``refuse`` them."""
    features_max_age_days: float = MAX_AGE_DAYS
    features_timeout_ms: float = TIMEOUT_MS


@dataclass(frozen=True)
class Equipment:
    """A bundle ready to serve, and what has to be closed after it."""

    scoring: Scoring
    watch: Watch
    lookup: Lookup | None = field(default=None)
    treatment: Treatment | None = field(default=None)

    def close(self) -> None:
        """Write and send what waits, and let go of the store."""
        if self.lookup is not None:
            self.lookup.close()
        if self.treatment is not None:
            self.treatment.close()
        self.watch.close()


def equip(bundle: Bundle, name: str, version: str, max_rows: int, around: Around, settings: Settings) -> Equipment:
    """Put everything around a bundle.

    Args:
        bundle: an opened bundle.
        name: under which it is served.
        version: its version.
        max_rows: most rows of one request.
        around: what is asked for.
        settings: for the key that hashes logged fields, and the folder that the quarantine is in by default.

    Raises:
        FairleadError: something that was asked for is not to be had, or does not fit the model.
    """
    contract = bundle.contract
    # First what may refuse: metrics and the log cannot be had twice.
    engines, guard, hooks = open_engines(bundle), Guard.open(bundle.path), _hooks(around)
    lookup = _lookup(around, contract)
    treatment = _treatment(bundle, name, version, around, settings, guard)
    watch = _watch(name, version, around, contract, settings)
    scoring = Scoring(
        bundle,
        name,
        version,
        max_rows,
        engines=engines,
        guard=guard,
        hooks=hooks,
        lookup=lookup,
        treatment=treatment,
        recorder=watch.scored,
    )
    return Equipment(scoring, watch, lookup, treatment)


def quarantine_of(around: Around, settings: Settings) -> Path:
    """Return the file that takes the rows which a rule keeps back.

    It is never the prediction log's own: that may be masked, and these rows cannot be.
    """
    if around.quarantine:
        return Path(around.quarantine)
    logs = [local_path(parts) for parts in map(urlsplit, around.log) if parts.scheme == "sqlite"]
    return logs[0].with_name(QUARANTINE) if logs else settings.home / QUARANTINE


def _treatment(
    bundle: Bundle, name: str, version: str, around: Around, settings: Settings, guard: Guard | None
) -> Treatment | None:
    rules = read_rules(bundle.path, around.remedies)
    if not rules:
        return None
    reference = json.loads((bundle.path / "reference.json").read_text(encoding="utf-8"))
    judge = Judge(
        ordinary(reference, bundle.contract.inputs, bundle.contract.entities),
        rules,
        None if guard is None else guard.threshold,
    )
    for line in judge.blind():
        logger.warning("rule on odd rows that fits none: %s", line)
    quarantine = None
    if any(rule.remedy in ("reject", "quarantine") for rule in rules):
        quarantine = QuarantineLog(quarantine_of(around, settings), stays_open=True)
        quarantine.prepare()
    return Treatment(judge, bundle.contract, name, version, around.variant, quarantine)


def _hooks(around: Around) -> Hooks | None:
    return open_hooks(around.hooks) if around.hooks else None


def _lookup(around: Around, contract: Contract) -> Lookup | None:
    if not around.features:
        return None
    return Lookup.open(
        Path(around.features),
        contract,
        max_age_days=around.features_max_age_days,
        policy=around.features_policy,
        timeout_ms=around.features_timeout_ms,
    )


def _watch(name: str, version: str, around: Around, contract: Contract, settings: Settings) -> Watch:
    tracing = Tracing(around.traces, name, version, around.variant, ratio=around.trace_ratio) if around.traces else None
    log = _log(name, version, around, contract, settings)
    metrics = Metrics(name, version, around.variant, [f.name for f in contract.inputs])
    if log is not None:
        metrics.watch(log)
    return Watch(name, metrics, log, tracing)


def _log(name: str, version: str, around: Around, contract: Contract, settings: Settings) -> PredictionLog | None:
    if not around.log:
        if around.log_rate or around.log_mask:
            raise FairleadError("a rate or a mask of the prediction log is given and no place for it: give --log too")
        return None
    key = settings.log_key.get_secret_value()
    mask = read_mask(Path(around.log_mask), contract.inputs, key, contract.entities) if around.log_mask else None
    rates = read_rates(around.log_rate)
    return open_log(around.log, name, version, around.variant, fields=contract.inputs, rates=rates, mask=mask)
