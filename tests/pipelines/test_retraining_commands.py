"""The commands, typed one after another; training and rollout are functions here."""

import pytest
from click.testing import CliRunner

from components.core.errors import FairleadError
from components.registry import approvals
from components.registry.registry import Registry
from components.retraining.memory_runner import MemoryRunner
from components.retraining.values import Progress
from pipelines import retraining_places
from pipelines.retraining_commands import retraining
from pipelines.retraining_runs import records_of, trigger_of
from tests.pipelines.retraining_home import (
    empty_store,
    found,
    register,
    reigning,
    settings,
    smoke,
    use_case_file,
    variant,
)

__all__ = ["empty_store", "register", "reigning", "settings", "smoke", "use_case_file", "variant"]


class Runner(MemoryRunner):
    """Registers version 2 each time; its rollout waits until it is let go, and then the registry is told."""

    def __init__(self, settings):
        super().__init__(lambda _: Progress(state="registered", version="2"), self.promote)
        self.settings, self.go, self.options = settings, False, {}

    def promote(self, run):
        if not self.go:
            return Progress(state="running")
        asked = Registry(self.settings).request("sba_loans", 2)
        approvals.approve(self.settings, asked.id, "earned")
        Registry(self.settings).promote("sba_loans", 2, asked.id)
        return Progress(state="promoted", version=run.version, reason="log_loss is not worse")


@pytest.fixture
def runner(reigning, register, variant, monkeypatch):
    register(variant("two"))
    made = Runner(reigning)

    def trigger(settings, _use_case, _say, **options):
        made.options = options
        return trigger_of(settings, made)

    monkeypatch.setattr(retraining_places, "trigger", trigger)
    return made


@pytest.fixture
def call(reigning, use_case_file):
    def type_(*words, code=0):
        case = [] if words[0] == "give-up" else ["--use-case", str(use_case_file)]
        result = CliRunner().invoke(retraining, [*words, *case], obj=reigning)
        if isinstance(result.exception, FairleadError):
            return str(result.exception)
        assert result.exit_code == code, result.output
        return result.output

    return type_


@pytest.fixture
def looked(reigning):
    """Leave findings as a look does."""

    def leave(*arguments, **changes):
        folder = reigning.home / "findings"
        folder.mkdir(exist_ok=True)
        (folder / "look.json").write_text(found(*arguments, **changes).model_dump_json())

    return leave


def test_before_the_first_look_it_says_how_to_get_there(call, runner):
    assert runner.trained == []
    assert "nothing was decided yet; decide with: fairlead retraining run" in call("status")
    assert "was never trained anew" in call("history")
    assert "look first with: fairlead run monitoring" in call("run")
    assert call("resume") == "sba_loans: no run is open\n"


def test_in_calm_nothing_is_trained_and_why_is_told(call, looked, runner):
    looked(0.0)
    told = call("run")
    assert told.startswith("2009-06-30: wait, pressure 0.00\n")
    assert "pressure 0.00 is below 1" in told
    assert runner.trained == []
    assert "pressure 0.00 is below 1" in call("status")


def test_what_would_be_done_can_be_asked_for(call, looked, runner):
    looked()
    assert call("run", "--decide-only").startswith("2009-06-30: retrain, pressure 2.50\n")
    assert runner.trained == []


def test_it_trains_rolls_out_waits_and_is_carried_on_to_its_end(call, looked, runner, reigning):
    looked()
    told = call("run", "--auto-approve", "--source", "table.csv")
    (key,) = runner.trained
    assert f"run {key}: rolling out, version 2" in told
    assert f"see: fairlead rollout status {key}" in told
    assert (runner.options["auto_approve"], runner.options["source"], runner.options["kubeflow"]) == (
        True, "table.csv", False,
    )  # fmt: skip
    assert "champion 1, challenger 2, archived none, shadow none" in call("status")
    assert f"run {key}: rolling out" in call("status")
    assert "rolling out" in call("run"), "it carries the open one on and starts no other"
    runner.go = True
    assert f"run {key}: promoted, version 2\n  log_loss is not worse" in call("resume", "--day", "2009-07-15")
    assert runner.trained == [key]
    told = call("history")
    assert "2009-06-30 won   version 2 against 1, by drift, expanding\n    promoted: log_loss is not worse" in told
    assert "version 1 reigned since before the first run, promoted 20" in told
    assert "until 2009-07-15\nversion 2 reigned since 2009-07-15 until now" in told
    assert "of version 1 and version 2 reigns now" in call("run")
    assert records_of(reigning).run(key).state == "promoted"


def test_a_run_can_be_given_up(call, looked, runner, reigning):
    looked()
    call("run")
    (key,) = runner.trained
    assert call("give-up", key, "--reason", "lost") == f"run {key} is given up: tester: lost\n"
    assert records_of(reigning).run(key).state == "given_up"
    assert "lost  version 2 against 1" in call("history")
    assert "given up: tester: lost" in call("history")


def test_every_command_says_what_it_does():
    for command in retraining.commands.values():
        assert command.help
