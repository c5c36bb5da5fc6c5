import pytest
from click.testing import CliRunner

from components.core.config import read_settings
from pipelines.benchmarks import detection, false_alarms
from pipelines.benchmarks.drift import bench_drift, whole_look
from pipelines.cli import main


@pytest.fixture
def called(monkeypatch, tmp_path):
    """Benchmarks take minutes: here the commands are tested, and each benchmark in its own tests."""
    calls = []

    def measured(name, kept):
        def measure(*arguments, **named):
            calls.append((name, [a for a in arguments if isinstance(a, bool)], named.get("short")))
            return kept

        return measure

    monkeypatch.setattr(whole_look, "window", lambda *_: None)
    monkeypatch.setenv("FAIRLEAD_HOME", str(tmp_path))
    return lambda module, name, kept: (monkeypatch.setattr(module, name, measured(name, kept)), calls)[1]


@pytest.mark.parametrize(("kept", "status"), [(True, 0), (False, 1)])
def test_a_missed_target_of_drift_fails_the_command(called, kept, status):
    called(false_alarms, "bench", True)
    calls = called(bench_drift, "bench_drift", kept)
    ended = CliRunner().invoke(main, ["bench-drift"], obj=read_settings())
    assert ended.exit_code == status, ended.output
    assert [name for name, *_ in calls] == ["bench_drift", "bench"]


def test_a_short_look_leaves_the_false_alarms_out(called):
    calls = called(bench_drift, "bench_drift", True)
    assert CliRunner().invoke(main, ["bench-drift", "--short"], obj=read_settings()).exit_code == 0
    assert calls == [("bench_drift", [True], None)]


@pytest.mark.parametrize(("arguments", "name"), [([], "write"), (["--short"], "bench")])
@pytest.mark.parametrize(("kept", "status"), [(True, 0), (False, 1)])
def test_only_a_whole_simulation_is_written(called, arguments, name, kept, status):
    calls = called(detection, name, kept)
    assert CliRunner().invoke(main, ["bench-detection", *arguments]).exit_code == status
    assert [call[0] for call in calls] == [name]
