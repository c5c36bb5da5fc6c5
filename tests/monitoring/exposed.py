"""Everything that servers and the exporter can show, in real registries: what rules and dashboards may ask for."""

from datetime import UTC, date, datetime

import numpy as np
from prometheus_client import CollectorRegistry

from components.core.contracts import Estimate
from components.monitoring.alerts.book import AlertBook
from components.monitoring.exported import Looked
from components.monitoring.exporter import Exporter
from components.serving.metrics import Metrics
from components.serving.prediction_log import PredictionLog
from components.serving.watch import INFER, PREDICT
from tests.monitoring.alerts.looks import AT_ONCE, call, cohort, estimate, findings, report, result, treated
from tests.serving.contracts import FIELDS
from tests.serving.logged import DEADLINE, Kept, batch


class Server:
    """A model server's metrics, as the server itself makes them."""

    def __init__(self, version="1"):
        self.registry = CollectorRegistry()
        self._metrics = Metrics("sba_loans", version, "stable", ("Bank",), self.registry)
        log = PredictionLog([Kept()], "sba_loans", version, "stable", fields=FIELDS)
        self._metrics.watch(log)
        log.put(batch(3))
        log.close(DEADLINE)

    def work(self, answered=20, failed=1, refused=1):
        """Answer some requests."""
        for _ in range(answered):
            self._metrics.answered(INFER, 200, 0.004, 1)
        for _ in range(failed):
            self._metrics.answered(PREDICT, 500, 0.2)
        for _ in range(refused):
            self._metrics.answered(INFER, 400, 0.001)
            self._metrics.violation("Bank", "domain")
        n = max(answered, 1)
        self._metrics.scored(batch(n, outlier=np.zeros(n, bool), lookups=["bank=found"] * n))


def looked(*calls, at=None, **changes):
    """A look at which everything could be measured."""
    groups = (cohort(), cohort(group="State=CA", realised={"log_loss": estimate(0.6)}))
    groups += (cohort(mature=0, labelled=0, realised={}, early={"log_loss": estimate(0.5)}),)
    together = result("*", kind="multivariate", test="domain_classifier")
    drift = report(result(severity="red"), result("probability", kind="prediction", test="ks"), together)
    known = {"performance": groups, "drift": drift, "outlier_rate": Estimate(value=0.01, low=0.0, high=0.02, n=900)}
    fair = treated(demographic_parity_difference=0.1, demographic_parity_ratio=0.8).model_dump(mode="json")
    known["figures"] = {"labels": {"delay_days": 3.0}, "fairness": [fair]}
    found = findings(*calls, **{**known, **changes})
    now = at or datetime.now(UTC)
    around = {"known_until": {"bank": now}, "checked": 1000, "quarantined": 4, "runs": {"promoted": 1}}
    return Looked(found, now, 4.2, last_training=date(2005, 1, 1), **around)


def exporter(folder):
    """An exporter with a look and a book that has told, silenced and waiting alerts."""
    book = AlertBook(folder / "alerts.db")
    book.silence("outliers/*", date(2030, 1, 1), "anna", "known")
    calls = (call("loss/log_loss"), call("drift/Bank", "amber"), call("outliers/rows", "amber"))
    book.observe(findings(*calls), AT_ONCE)
    made = Exporter(book.store, ["webhook"])
    made.show(looked(*calls))
    return made
