"""The monitoring pipeline: from the prediction log to findings, alerts and a report; for a recurring run."""

from kfp import dsl

from components.monitoring.collect import APART
from pipelines import steps


@dsl.pipeline(name="fairlead-monitoring", description="Look once at the reigning model: drift, performance, causes.")
def monitoring(
    use_case: str = "sba_loans", now: str = "", log: str = "", outcomes: str = "",
    source: str = "", freshness: str = "", repaired: str = "", repaired_freshness: str = "",
):  # fmt: skip
    """Look once.

    Args:
        use_case: name of a use case that ships, or the text of its YAML.
        now: ISO date; nothing that came to be known later is used. Empty takes the present day (UTC).
        log: URI of the prediction log, ``sqlite:///…`` or ``parquet:///…``; where the steps can reach it.
        outcomes: SQLite file of the outcomes; empty for the log's own.
        source: where to read the raw table that the champion learned from, instead of the use case's own.
        freshness: anything that changes when the source's content does; part of the cache key of ``ingest``.
        repaired: as for training.
        repaired_freshness: as for training.
    """
    case = {"use_case": use_case}
    table = steps.ingest(**case, source=source, freshness=freshness)
    mended = {"repaired": repaired, "freshness": repaired_freshness}
    clean = steps.check_rows(**case, **mended, raw=table.outputs["raw"]).outputs["clean"]
    features = steps.build_features(**case, clean=clean).outputs["features"]

    # What was asked and answered, with what is known by now of how it went.
    rows = steps.collect_rows(**case, now=now, log=log, outcomes=outcomes)
    kept = {"rows": rows.outputs["rows"], "bundle": rows.outputs["bundle"]}
    kept |= {"version": rows.outputs["version"], "day": rows.outputs["day"], "features": features}

    # One test needs an environment of its own, and is measured there where the use case asks for it.
    with dsl.If(rows.outputs["apart"] == APART):
        windows = steps.lay_out_windows(**case, **kept).outputs["windows"]
        measured = steps.measure_discrepancy(windows=windows)
    with dsl.Else():
        nothing = steps.measure_nothing()

    discrepancy = dsl.OneOf(measured.outputs["discrepancy"], nothing.outputs["discrepancy"])

    found = steps.look(**case, **kept, discrepancy=discrepancy)
    findings = {"findings": found.outputs["findings"]}
    steps.raise_alerts(**case, **findings)
    steps.write_look_report(**findings)
