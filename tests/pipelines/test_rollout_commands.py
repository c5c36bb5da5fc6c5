"""The commands, typed one after another on the plane that serves nothing; Envoy has its own tests."""

from datetime import UTC, datetime, timedelta

import pytest
import yaml
from click.testing import CliRunner

from components.rollout import history
from components.rollout.decide import decide
from components.rollout.state import Observation
from components.rollout.store import SqliteStore
from pipelines import rollout_commands
from pipelines.cli import main
from tests.rollout.looks import WELL, plan


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("FAIRLEAD_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("FAIRLEAD_ACTOR", "olga")
    return tmp_path / "home"


@pytest.fixture
def call(home):
    assert not home.exists()

    def type_(*words, code=0):
        result = CliRunner().invoke(main, ["rollout", *words])
        assert result.exit_code == code, result.output
        return result.output

    return type_


@pytest.fixture
def plan_file(tmp_path):
    path = tmp_path / "plan.yaml"
    made = plan(approval=False, look_seconds=0.05)
    path.write_text(yaml.safe_dump(made.model_dump(mode="json", exclude_defaults=True)))
    return str(path)


@pytest.fixture
def started(call, plan_file, monkeypatch):
    """One that was started, and that nobody runs."""
    monkeypatch.setattr(rollout_commands, "_run_on", lambda *_: None)
    call("start", plan_file, "--stable", "old", "--candidate", "new", "--plane", "memory")
    monkeypatch.undo()
    return "test-1"


@pytest.fixture
def store(home):
    return SqliteStore(home / "rollouts.db")


@pytest.fixture
def typed(call, started, home, monkeypatch):
    """Type a command on the rollout that was started."""
    assert started
    monkeypatch.setenv("FAIRLEAD_HOME", str(home))
    monkeypatch.setenv("FAIRLEAD_ACTOR", "olga")
    return call


def test_without_rollouts_it_says_how_to_start(call):
    assert call("list") == "no rollout was started; start one with: fairlead rollout start PLAN\n"
    assert "Start one with: fairlead rollout start PLAN" in call("status", code=1)


def test_a_plan_is_checked(call, plan_file, tmp_path):
    assert call("plan", plan_file).startswith("plan test for sba_loans is sound: canary")
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("name: x\nstrategy: hope\n")
    assert "strategy: Input should be 'canary'" in call("plan", str(wrong), code=1)


def test_it_is_listed_shown_and_explained(typed, started):
    assert typed("list").split()[:6] == [started, "starting,", "0", "%", "of", "the"]
    assert typed("status").startswith(f"{started}: starting, 0 % of the requests\n  started by olga: new against old")
    assert typed("status", started) == typed("status")
    assert "nobody has looked yet" in typed("explain")


def test_it_runs_until_it_is_aborted(typed, started, store, home):
    assert "its next look takes it up" in typed("abort", "--reason", "enough")
    assert "abort asked for by olga at" in typed("status")
    told = typed("run", code=3)
    assert told.splitlines()[-2] == f"{started}: aborted, 0 % of the requests"
    assert told.splitlines()[-1].endswith("enough")
    assert history.read(store, started).settled
    assert "is over: aborted" in typed("pause", code=1)
    assert "aborted" in typed("status")
    assert typed("report") == f"report: {home / 'reports' / f'rollout-{started}.html'}\n"
    assert f"Rollout {started}" in (home / "reports" / f"rollout-{started}.html").read_text(encoding="utf-8")


def looked(store, name, at):
    known = history.read(store, name)
    seen = history.follow(known, store)
    wish = seen.wishes[0] if seen.wishes else None
    observation = Observation(at=at, healthy=WELL, wish=wish)
    history.record_look(store, seen, observation, decide(known.rollout.plan, seen.state, observation), "")


def test_wishes_are_answered_in_words(typed, started, store):
    now = datetime.now(UTC)
    typed("pause", "--reason", "lunch")
    looked(store, started, now)
    assert "paused by olga" in typed("status")
    typed("promote")
    looked(store, started, now)
    looked(store, started, now)
    assert "the last wish was answered at look 2: promote asked for by olga" in typed("status")
    assert "refused: resume first" in typed("status")
    typed("resume")
    looked(store, started, now)
    assert "resumed by olga" in typed("explain")


def test_a_rollout_that_nobody_runs_is_told(typed, started, store):
    looked(store, started, datetime.now(UTC))
    assert "nobody has looked lately" not in typed("status")
    looked(store, started, datetime.now(UTC) - timedelta(minutes=2))
    assert f"nobody has looked lately; go on with: fairlead rollout run {started}" in typed("status")
    assert "nobody has looked lately" in typed("pause")


def test_of_several_that_are_not_over_one_has_to_be_named(typed, started, store):
    first = history.read(store, started).rollout
    other = first.model_copy(update={"id": "other-1", "plan": plan(use_case="wafer")})
    history.start(store, other)
    assert "several rollouts are not over: test-1, other-1; name one" in typed("status", code=1)
    assert typed("status", "other-1").startswith("other-1: ")


def test_only_operators_may_move_traffic(typed, started, tmp_path, monkeypatch, plan_file):
    roles = tmp_path / "roles.yaml"
    roles.write_text("actors: {olga: [data_scientist, approver, auditor]}")
    monkeypatch.setenv("FAIRLEAD_ROLES", str(roles))
    for words in (("abort",), ("pause",), ("resume",), ("promote",), ("run",), ("start", plan_file)):
        assert "'rollout' needs: operator" in typed(*words, code=1)
    assert typed("status").startswith(started)


def test_in_the_background_it_is_a_process_of_its_own(typed, started, monkeypatch, home):
    begun = []

    class Process:
        pid = 7

        def __init__(self, command, **options):
            begun.append((command, options["start_new_session"]))

    monkeypatch.setattr(rollout_commands.subprocess, "Popen", Process)
    told = typed("run", "--detach")
    assert told == f"runs in the background as process 7; log: {home / 'logs' / f'rollout-{started}.log'}\n"
    assert begun[0][0][1:] == ["-m", "pipelines", "rollout", "run", started]
    assert begun[0][1]


def test_every_command_says_what_it_does():
    for command in rollout_commands.rollout.commands.values():
        assert command.help


def test_a_manifest_that_will_not_split_is_told(typed, tmp_path):
    manifest = tmp_path / "service.yaml"
    manifest.write_text(
        "apiVersion: serving.kserve.io/v1beta1\nkind: InferenceService\n"
        "metadata: {name: m, annotations: {serving.kserve.io/deploymentMode: Standard}}\n"
        "spec: {predictor: {canaryTrafficPercent: 10, model: {modelFormat: {name: fairlead}, storageUri: 's3://b/m'}}}\n"
    )
    told = typed("lint", str(manifest), code=1)
    assert "canaryTrafficPercent" in told
    assert "findings are errors: requests will not be split" in told


def test_servers_are_not_taken_from_under_a_rollout(typed, started):
    assert f"rollout {started} is not over; first: fairlead rollout abort {started}" in typed("close", code=1)


def test_servers_can_be_stopped(call):
    assert call("close").startswith("proxy and servers are stopped")
    assert call("close").startswith("proxy and servers are stopped")
