"""The mitigation pipeline: ways to narrow a gap between groups, tried beside one another; nothing is registered."""

from kfp import dsl

from pipelines import steps
from pipelines.training import SHARDS


@dsl.pipeline(name="fairlead-mitigation", description="Try ways to narrow the gap between groups, side by side.")
def mitigation(
    use_case: str = "card_default", as_of: str = "", source: str = "", freshness: str = "", shards: list = SHARDS
):
    """Try what ``judgement.mitigation`` of the use case asks for.

    Args:
        use_case: name of a use case that ships, or the text of its YAML.
        as_of: ISO date; nothing known later is used. Empty takes the use case's own.
        source: where to read the raw table instead of the use case's own source.
        freshness: anything that changes when the source's content does; part of the cache key of ``ingest``.
        shards: the search for hyperparameters, one task for each, as in training.
    """
    case, learn = {"use_case": use_case}, {"use_case": use_case, "window": ""}
    table = steps.ingest(**case, source=source, freshness=freshness)
    clean = steps.check_rows(**case, repaired="", freshness="", raw=table.outputs["raw"]).outputs["clean"]
    features = steps.build_features(**case, clean=clean).outputs["features"]
    data = {"dataset": steps.label_rows(**learn, as_of=as_of, features=features).outputs["dataset"]}
    with dsl.ParallelFor(shards, name="search", parallelism=2) as shard:
        search = steps.tune(**learn, **data, shard=shard)
    steps.try_mitigation(**case, **data, trials=dsl.Collected(search.outputs["trials"]))
