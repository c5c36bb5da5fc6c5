"""Submission and schedules against a server that answers as the Kubeflow Pipelines API v2beta1 does, over real HTTP."""

import pytest
from click.testing import CliRunner

from components.core.errors import FairleadError
from pipelines import cli
from pipelines.catalogue import compiled
from pipelines.parameters import parameters
from pipelines.place import Kubeflow, Place
from pipelines.runners.kubeflow import schedule, submit
from tests.pipelines.kubeflow_api import Received, cached
from tests.pipelines.kubeflow_models import faults


def test_a_run_is_made_from_the_compiled_pipeline(api: tuple[str, Received]) -> None:
    host, received = api
    url = submit(compiled("training"), parameters("sba_loans", "2003-12-31", ""), host, "loans", "a run")
    assert url == f"{host}/#/runs/details/r1"
    (run,) = [body for call, body in received if call == "POST /apis/v2beta1/runs"]
    assert run["experiment_id"] == "e1"
    assert run["runtime_config"]["parameters"]["as_of"] == "2003-12-31"
    spec = run["pipeline_spec"]["pipeline_spec"]
    assert spec["pipelineInfo"]["name"] == "fairlead-training"
    assert faults(run, "V2beta1Run") == []
    assert "service_account" not in run
    assert "pipeline_root" not in run["runtime_config"]


def test_runs_and_schedules_of_a_place_have_its_namespace_account_and_root(api: tuple[str, Received]) -> None:
    host, received = api
    kubeflow = Kubeflow(namespace="team-a", service_account="runner")
    place = Place(name="team", kubeflow=kubeflow, pipeline_root="s3://team/runs")
    submit(compiled("training"), {}, host, "loans", "a run", place=place)
    schedule(compiled("training"), {}, host, "loans", "weekly", "0 3 * * mon", place=place)
    bodies = {call: [b for c, b in received if c == call] for call, _ in received}
    for call in ("POST /apis/v2beta1/runs", "POST /apis/v2beta1/recurringruns"):
        (made,) = bodies[call]
        assert (made["service_account"], made["runtime_config"]["pipeline_root"]) == ("runner", "s3://team/runs")
    assert {b["namespace"] for b in bodies["POST /apis/v2beta1/experiments"]} == {"team-a"}
    # The models write whole numbers of 64 bits as text; the API, like all of protobuf, takes a number as well.
    assert faults(made, "V2beta1RecurringRun") == [".max_concurrency is no str: 1"]


def test_a_body_that_the_api_would_not_know_is_found() -> None:
    assert faults({"run_id": 1, "nmae": "x"}, "V2beta1Run") == [
        ".nmae is unknown to V2beta1Run",
        ".run_id is no str: 1",
    ]
    assert faults({"mode": "SOMETIMES"}, "V2beta1RecurringRun") == [".mode is no RecurringRunMode: 'SOMETIMES'"]
    assert faults({"runtime_config": {"parameters": {"a": 1}, "root": "x"}}, "V2beta1Run") == [
        ".runtime_config.root is unknown to V2beta1RuntimeConfig"
    ]


def test_an_endpoint_that_does_not_answer_is_named() -> None:
    with pytest.raises(FairleadError, match=r"Kubeflow Pipelines at http://127\.0\.0\.1:9 did not take the run"):
        submit(compiled("training"), {}, "http://127.0.0.1:9", "loans", "a run")


def test_no_endpoint_says_how_to_give_one() -> None:
    with pytest.raises(FairleadError, match="FAIRLEAD_KFP_HOST"):
        submit(compiled("training"), {}, "", "loans", "a run")


def test_a_run_may_use_the_cache_unless_told_otherwise(api: tuple[str, Received]) -> None:
    host, received = api
    submit(compiled("training"), {}, host, "loans", "a run")
    submit(compiled("training"), {}, host, "loans", "a run", cached=False)
    specs = [b["pipeline_spec"]["pipeline_spec"] for c, b in received if c == "POST /apis/v2beta1/runs"]
    assert "ingest" in cached(specs[0])
    assert cached(specs[1]) == []


def test_a_schedule_is_made_from_the_compiled_pipeline(api: tuple[str, Received]) -> None:
    host, received = api
    arguments = parameters("sba_loans", "2003-12-31", "")
    url = schedule(compiled("training"), arguments, host, "loans", "weekly", "0 3 * * mon")
    assert url == f"{host}/#/recurringrun/details/s1"
    (made,) = [body for call, body in received if call == "POST /apis/v2beta1/recurringruns"]
    assert made["display_name"] == "weekly"
    assert made["experiment_id"] == "e1"
    assert made["mode"] == "ENABLE"
    assert made["trigger"]["cron_schedule"]["cron"] == "0 0 3 * * mon"
    assert made["no_catchup"] is True
    assert made["max_concurrency"] == 1
    assert made["runtime_config"]["parameters"]["as_of"] == "2003-12-31"


def test_a_schedule_takes_nothing_from_the_cache_and_keeps_its_place(api: tuple[str, Received]) -> None:
    host, received = api
    schedule(compiled("training"), {}, host, "loans", "weekly", "0 3 * * mon")
    (made,) = [body for call, body in received if call == "POST /apis/v2beta1/recurringruns"]
    assert cached(made["pipeline_spec"]["pipeline_spec"]) == []
    executors = made["pipeline_spec"]["platform_spec"]["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    assert "configMapAsEnv" in executors["exec-register"]


def test_a_second_schedule_of_the_same_name_is_refused(api: tuple[str, Received]) -> None:
    host, received = api
    with pytest.raises(FairleadError, match=r"there is a schedule 'monthly'.*recurring-run delete s0"):
        schedule(compiled("training"), {}, host, "loans", "monthly", "0 3 1 * *")
    assert "POST /apis/v2beta1/recurringruns" not in [call for call, _ in received]


def test_a_broken_expression_is_refused_before_any_call(api: tuple[str, Received]) -> None:
    host, received = api
    with pytest.raises(FairleadError, match="'25' is no hour"):
        schedule(compiled("training"), {}, host, "loans", "weekly", "0 25 * * *")
    assert received == []


def test_the_command_prints_the_url_alone_and_says_what_it_sent(api: tuple[str, Received]) -> None:
    host, _ = api
    command = ["schedule", "training", "--cron", "0 3 1 * *", "--name", "weekly", "--host", host]
    done = CliRunner().invoke(cli.main, command)
    assert done.exit_code == 0, done.output
    assert done.stdout == f"{host}/#/recurringrun/details/s1\n"
    assert "sent was '0 0 3 1 * *'" in done.stderr


def test_a_day_that_moves_cannot_be_scheduled(api: tuple[str, Received]) -> None:
    host, received = api
    command = ["schedule", "training", "--cron", "0 3 1 * *", "--as-of", "today", "--host", host]
    done = CliRunner().invoke(cli.main, command)
    assert done.exit_code == 1
    assert "manifests/schedule/" in done.stderr
    assert received == []
