"""The training pipeline: raw events in, a gated, registered model out."""

from kfp import dsl
from kfp.dsl import PipelineTask

from components.core.judging import CHECKS
from pipelines import steps

SHARDS = [
    {"algorithm": "xgboost", "seed": 1, "trials": 8},
    {"algorithm": "xgboost", "seed": 2, "trials": 8},
    {"algorithm": "logistic", "seed": 1, "trials": 6},
]
"""The search fans out over these, one task each."""


def _checked_table(case: dict, time: dict, origin: dict, mended: dict):
    """Look at the table first as a whole, then row by row, then column by column."""
    table = steps.ingest(**case, **origin)
    schema = steps.validate_schema(**time, raw=table.outputs["raw"])
    rows = steps.check_rows(**case, **mended, raw=table.outputs["raw"]).after(schema)
    leakage = steps.check_leakage(**case, clean=rows.outputs["clean"])
    return table, schema, rows, leakage


def _looked_at_from_all_sides(case: dict, data: dict, draft):
    """Fetch the champion, anchor some rows, and make every check of the candidate."""
    champion, anchors = steps.score_champion(**case, **data), steps.explain_examples(**case, bundle=draft)
    looked_at = {"bundle": draft, "champion": champion.outputs["champion"], "anchors": anchors.outputs["declined"]}
    with dsl.ParallelFor(list(CHECKS), name="checks", parallelism=2) as name:
        check = steps.check(**case, **data, **looked_at, name=name)
    return champion, anchors, check


def _tables(rows: PipelineTask, schema: PipelineTask, leakage: PipelineTask):
    """Name what was found of the table."""
    tables = {"clean": rows.outputs["clean"], "quarantine": rows.outputs["quarantine"]}
    return {**tables, "schema": schema.outputs["report"], "leakage": leakage.outputs["report"]}


def _where(champion: PipelineTask, entry: PipelineTask):
    """Name where the model stands in the registry, and beside whom."""
    entered = {"registered": entry.outputs["registered"], "uri": entry.outputs["Output"]}
    return {**entered, "champion": champion.outputs["Output"]}


def _searched(learn: dict, data: dict, shards: list):
    """Search hyperparameters, one task for each shard; the trials of all."""
    with dsl.ParallelFor(shards, name="search", parallelism=2) as shard:
        search = steps.tune(**learn, **data, shard=shard)
    return dsl.Collected(search.outputs["trials"])


def _all(check: PipelineTask):
    """Collect the reports of all checks; anew for each step that takes them, because kfp changes what it is given."""
    return {"checks": dsl.Collected(check.outputs["report"])}


@dsl.pipeline(name="fairlead-training", description="From a table of labelled events to a gated, registered model.")
def training(
    use_case: str = "sba_loans", as_of: str = "", source: str = "", freshness: str = "",
    repaired: str = "", repaired_freshness: str = "", window: str = "", shards: list = SHARDS,
):  # fmt: skip
    """Train, judge and register one model.

    Args:
        use_case: name of a use case that ships, or the text of its YAML.
        as_of: ISO date; nothing known later is used. Empty takes the use case's own.
        source: where to read the raw table instead of the use case's own source.
        freshness: anything that changes when the source's content does; part of the cache key of ``ingest``.
        repaired: where a table of repaired rows is; those that pass take the places of the rows that they mend.
        repaired_freshness: the same for its content; part of the cache key of ``check_rows``.
        window: JSON of the window that a retraining learns from; empty for the use case as it is written.
        shards: the search, one task for each: algorithm, seed, number of trials.
    """
    case, time = {"use_case": use_case}, {"use_case": use_case, "as_of": as_of}
    learn = {"use_case": use_case, "window": window}
    with dsl.ExitHandler(steps.report_outcome(**case), name="train-judge-register"):
        origin = {"source": source, "freshness": freshness}
        mended = {"repaired": repaired, "freshness": repaired_freshness}
        table, schema, rows, leakage = _checked_table(case, time, origin, mended)

        # What was known when: features at each row's own time, labels at the training date.
        features = steps.build_features(**case, clean=rows.outputs["clean"]).after(leakage)
        labels = steps.label_rows(**learn, as_of=as_of, features=features.outputs["features"])
        data = {"dataset": labels.outputs["dataset"]}

        # The model, and how good it is.
        found = {"data_hash": table.outputs["Output"], "trials": _searched(learn, data, shards)}
        found |= {"watermark": steps.identify_watermark_key(**case).output}
        model = steps.train(**learn, as_of=as_of, **data, features=features.outputs["features"], **found)
        draft = model.outputs["draft"]
        scored = {**data, "predictions": model.outputs["predictions"]}
        measured = steps.evaluate(**case, **scored, draft=draft)
        records = {"slices": measured.outputs["slices"], "chosen": model.outputs["chosen"]}

        # What metrics do not tell, beside the champion: explanations, fairness, robustness, privacy …
        champion, anchors, check = _looked_at_from_all_sides(case, data, draft)
        told = {"curves": measured.outputs["curves"], "labels": labels.outputs["report"]}
        run = steps.track(**records, **told, **_all(check), plots=measured.outputs["plots"], draft=draft)

        # The hand-over: what is signed is what is served, and it answers as it did in training.
        known = {"labels": labels.outputs["report"], "rows": rows.outputs["report"]}
        package = steps.package(**learn, **known, **_all(check), draft=draft, slices=records["slices"])
        bundle = package.outputs["bundle"]
        smoke = {"smoke": steps.smoke_test(**scored, bundle=bundle).outputs["report"]}

        # The verdict, beside the champion on the same rows; only what passes every gate is registered.
        evidence = {"bundle": bundle, "slices": records["slices"], "leakage": leakage.outputs["report"]}
        theirs = champion.outputs["predictions"]
        judged = steps.judge(**case, **scored, **smoke, **evidence, **_all(check), champion_predictions=theirs)
        passed = steps.require_gates(verdict=judged.outputs["verdict"])
        verdict = {"verdict": judged.outputs["verdict"], "bundle": bundle}
        entry = steps.register(**case, **records, **verdict, **smoke, run_id=run.outputs["Output"]).after(passed)

        # One page that tells all of it.
        known |= {"curves": told["curves"], "explanations": anchors.outputs["explanations"]}
        more = {**_tables(rows, schema, leakage), **_where(champion, entry)}
        steps.write_report(**time, **more, **_all(check), **known, **records, **verdict, **smoke)
