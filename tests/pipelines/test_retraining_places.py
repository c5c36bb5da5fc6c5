from datetime import date
from pathlib import Path

import pytest

from components.core.config import read_settings
from components.core.errors import FairleadError
from components.retraining.values import Run
from pipelines.retraining_places import nowhere, trigger
from pipelines.retraining_runs import records_of, trigger_of
from tests.retraining.world import DAY, decision

EXAMPLES = Path(__file__).parents[2]
PLAN = EXAMPLES / "pipelines" / "rollouts" / "canary.yaml"
TEMPLATE = EXAMPLES / "manifests" / "rollout" / "examples" / "sba-loans.yaml"


@pytest.fixture
def settings(tmp_path):
    return read_settings({"FAIRLEAD_HOME": str(tmp_path / "home"), "USER": "olga"})


def test_a_run_on_kubeflow_asks_its_endpoint(settings):
    with pytest.raises(FairleadError, match="no Kubeflow Pipelines endpoint"):
        trigger(settings, "sba_loans", print, kubeflow=True).fire("sba_loans", "1", decision(), DAY)
    assert records_of(settings).run("k1").state == "started"


def test_a_run_here_is_refused_to_who_may_not_train(settings, tmp_path):
    roles = tmp_path / "roles.yaml"
    roles.write_text("actors: {olga: [auditor]}")
    limited = settings.model_copy(update={"roles": roles})
    with pytest.raises(FairleadError, match="'train' needs: data_scientist"):
        trigger(limited, "sba_loans", print, plan=PLAN).fire("sba_loans", "1", decision(), DAY)


@pytest.mark.parametrize("other", [{"plan": PLAN}, {"background": True}])
def test_options_for_here_and_for_the_cluster_exclude_each_other(settings, other):
    with pytest.raises(FairleadError, match="--plan and --background are for this machine"):
        trigger(settings, "sba_loans", print, template=TEMPLATE, **other)


def test_a_cluster_that_is_not_configured_is_told(settings, monkeypatch, tmp_path):
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    with pytest.raises(FairleadError, match="no cluster is configured"):
        trigger(settings, "sba_loans", print, template=TEMPLATE)


def test_nowhere_nothing_is_started(settings):
    run = Run(key="k1", use_case="sba_loans", decision=decision(), state="decided")
    records_of(settings).decide(run, DAY)
    with pytest.raises(FairleadError, match="run k1 cannot be carried on here"):
        trigger_of(settings, nowhere()).advance("sba_loans", date(2005, 7, 1))
