import pytest
from prometheus_client import CollectorRegistry

from components.core.errors import ContractViolation, FairleadError
from components.serving.metrics import Metrics
from components.serving.tracing import UNTRACED
from components.serving.watch import INFER, OTHER, PREDICT, Watch, route_of


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/v2/models/m/infer", INFER),
        ("/v2/models/m/versions/12/infer", INFER),
        ("/v1/models/m:predict", PREDICT),
        ("/v1/models/m:explain", "/v1/models/{name}:explain"),
        ("/v2/models/m", "/v2/models/{name}"),
        ("/v2/models/m/versions/1/ready", "/v2/models/{name}/ready"),
        ("/v2/health/ready", "/v2/health/ready"),
        ("/", "/"),
        ("/v2/models/m/infer/more", OTHER),
        ("/v2/models/" + "x" * 9999 + "/nowhere", OTHER),
        ("", OTHER),
    ],
)
def test_a_path_is_counted_under_one_of_few_routes(path, route):
    assert route_of(path) == route


def test_a_refusal_is_counted_by_field_and_reason_where_it_has_them():
    registry = CollectorRegistry()
    watch = Watch("m", Metrics("m", "1", "stable", ["a"], registry))
    watch.refused(ContractViolation("no", [("a", "missing"), ("a client's own name", "unknown")]))
    watch.refused(ContractViolation("no"))
    watch.refused(FairleadError("no"))

    def count(field, reason):
        labels = {"model": "m", "version": "1", "variant": "stable", "field": field, "reason": reason}
        return registry.get_sample_value("fairlead_contract_violations_total", labels)

    assert (count("a", "missing"), count("other", "unknown"), count("a", "unknown")) == (1, 1, None)


def test_who_is_not_there_is_told_nothing():
    watch = Watch()
    watch.answered(INFER, 200, 0.01, 1)
    watch.refused(ContractViolation("no", [("a", "missing")]))
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    assert watch.begin(INFER, parent.encode(), None).traceparent == parent
    for nothing in (None, b"", b"not one"):
        assert watch.begin(INFER, nothing, None) is UNTRACED
    watch.close()
