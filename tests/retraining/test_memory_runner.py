from components.retraining.memory_runner import MemoryRunner
from components.retraining.values import Progress, Run
from tests.retraining.world import DAY, World, decision, to_the_end


def test_it_trains_each_key_once_and_rolls_out_until_it_is_over(tmp_path):
    answers = iter(["running", "running", "promoted"])
    runner = MemoryRunner(
        train=lambda run: Progress(state="registered", version=f"after {run.champion}"),
        roll_out=lambda run: Progress(state=next(answers), reason=run.version),
    )
    trigger = World(tmp_path / "w").trigger(runner=runner)
    assert trigger.fire("sba_loans", "1", decision(), DAY).state == "rolling_out"
    assert trigger.advance("sba_loans", DAY).state == "rolling_out"
    run = to_the_end(trigger, decision())
    assert (run.state, run.reason, run.version) == ("promoted", "after 1", "after 1")
    assert runner.trained == ["k1"]


def test_what_it_was_never_asked_for_is_absent():
    run = Run(key="k1", use_case="sba_loans", decision=decision(), state="started")
    runner = MemoryRunner(train=lambda _: Progress(state="stopped"))
    assert runner.status(run).state == runner.rollout(run).state == "absent"
