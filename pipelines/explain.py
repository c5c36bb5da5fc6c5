"""The explanation pipeline: a table of events in, the contributions of every feature to every score out."""

from kfp import dsl

from pipelines import steps


@dsl.pipeline(name="fairlead-explain", description="Tell for every row of a table what moved its score.")
def explain(use_case: str = "sba_loans", version: str = "", source: str = "", freshness: str = "", method: str = "own"):
    """Explain a table with a registered model.

    Args:
        use_case: name of a use case that ships, or the text of its YAML.
        version: a version or alias in the registry; empty takes the champion.
        source: where to read the raw table instead of the use case's own source.
        freshness: anything that changes when the source's content does; part of the cache key of ``ingest``.
        method: ``own`` (path-dependent for trees) or ``interventional`` (against the bundle's background rows).
    """
    case = {"use_case": use_case}
    table = steps.ingest(**case, source=source, freshness=freshness)
    clean = steps.check_rows(**case, repaired="", freshness="", raw=table.outputs["raw"]).outputs["clean"]
    rows = steps.build_features(**case, clean=clean).outputs["features"]
    model = steps.fetch_model(**case, version=version)
    steps.explain_table(method=method, bundle=model.outputs["bundle"], table=rows)
