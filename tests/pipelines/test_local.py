"""The local runner, and the internals of kfp that it leans on."""

import sys
from pathlib import Path

import pytest
from kfp import compiler, dsl

from components.component import step
from components.core.errors import FairleadError
from components.images import image
from pipelines.runners import local


@step("platform")
def where(out: dsl.Output[dsl.Artifact]):
    import sys
    from pathlib import Path

    Path(out.path).write_text(sys.prefix)


@step("tfdv")
def where_else(before: dsl.Input[dsl.Artifact], out: dsl.Output[dsl.Artifact]):
    import sys
    from pathlib import Path

    Path(out.path).write_text(Path(before.path).read_text() + "\n" + sys.prefix)


@step("platform")
def broken():
    from components.core.errors import GateFailed

    raise GateFailed("the table\nof all gates")


@step("platform")
def crashed():
    raise KeyError("no such thing")


@step("platform")
def killed():
    import os
    import signal

    print("last words", flush=True)
    os.kill(os.getpid(), signal.SIGKILL)


@step("platform")
def which(out: dsl.Output[dsl.Artifact]):
    import os
    from pathlib import Path

    Path(out.path).write_text(str(os.getpid()))


@dsl.pipeline(name="two-environments")
def two_environments():
    where_else(before=where().outputs["out"])


@dsl.pipeline(name="broken-step")
def broken_step():
    broken()


@dsl.pipeline(name="crashed-step")
def crashed_step():
    crashed()


@dsl.pipeline(name="killed-step")
def killed_step():
    killed()


@dsl.pipeline(name="which-process")
def which_process():
    which()


@dsl.component(base_image="python:3.11")
def foreign_image():
    print("never runs")


@dsl.pipeline(name="foreign")
def foreign():
    foreign_image()


def _compiled(pipeline: object, folder: Path) -> Path:
    target = folder / "pipeline.yaml"
    compiler.Compiler().compile(pipeline, str(target))
    return target


def test_each_step_runs_in_the_environment_of_its_image(tmp_path: Path) -> None:
    lines: list[str] = []
    run = local.run(_compiled(two_environments, tmp_path), {}, tmp_path, lines.append)
    platform, tfdv = run.artifact("where_else", "out").read_text().splitlines()
    assert Path(platform) == Path(sys.prefix)
    assert Path(tfdv) == Path(sys.prefix).with_name("tfdv")
    assert [line.split()[0] for line in lines] == ["where", "where_else"]


def test_a_second_run_is_taken_from_the_cache_and_says_so(tmp_path: Path) -> None:
    package = _compiled(two_environments, tmp_path)
    first = local.run(package, {}, tmp_path, lambda _: None)
    lines: list[str] = []
    second = local.run(package, {}, tmp_path, lines.append)
    assert second.seconds == {}
    assert second.outputs == first.outputs
    assert all(line.endswith("cached") for line in lines)


def test_a_deleted_artifact_is_made_again(tmp_path: Path) -> None:
    package = _compiled(two_environments, tmp_path)
    local.run(package, {}, tmp_path, lambda _: None).artifact("where", "out").unlink()
    assert set(local.run(package, {}, tmp_path, lambda _: None).seconds) == {"where", "where_else"}


@pytest.mark.parametrize("isolated", [False, True])
def test_our_own_error_is_told_whole_and_without_a_trace(tmp_path: Path, isolated: bool) -> None:
    with pytest.raises(FairleadError, match="step broken failed: the table\nof all gates\n") as failure:
        local.run(_compiled(broken_step, tmp_path), {}, tmp_path, lambda _: None, isolated=isolated)
    assert "Traceback" not in str(failure.value)


@pytest.mark.parametrize("isolated", [False, True])
def test_any_other_error_is_told_with_its_trace(tmp_path: Path, isolated: bool) -> None:
    with pytest.raises(FairleadError, match=r"step crashed failed: (?s:.*)KeyError: 'no such thing'"):
        local.run(_compiled(crashed_step, tmp_path), {}, tmp_path, lambda _: None, isolated=isolated)


def test_a_step_whose_process_dies_is_named_with_the_end_of_its_log(tmp_path: Path) -> None:
    with pytest.raises(FairleadError, match=r"step killed failed: its process was ended by SIGKILL (?s:.*)last words"):
        local.run(_compiled(killed_step, tmp_path), {}, tmp_path, lambda _: None)


@pytest.mark.parametrize("isolated", [False, True])
def test_a_step_that_takes_too_long_is_stopped_and_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, isolated: bool
) -> None:
    monkeypatch.setattr(local, "STEP_TIMEOUT", 0.01)
    with pytest.raises(FairleadError, match=r"step where failed: it took longer than 0\.01 s"):
        local.run(_compiled(two_environments, tmp_path), {}, tmp_path, lambda _: None, isolated=isolated)


def test_the_next_run_takes_the_workers_of_the_last_unless_the_code_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = _compiled(which_process, tmp_path)

    def process(isolated: bool = False) -> str:
        run = local.run(package, {}, tmp_path, lambda _: None, cached=False, isolated=isolated)
        return run.artifact("which", "out").read_text()

    monkeypatch.setattr(local, "_code_version", lambda: "one")
    first = process()
    assert process() == first
    assert process(isolated=True) != first
    assert process() == first
    monkeypatch.setattr(local, "_code_version", lambda: "another")
    assert process() != first


def test_an_argument_that_the_pipeline_does_not_take_is_no_trace(tmp_path: Path) -> None:
    with pytest.raises(FairleadError, match="nonsense"):
        local.run(_compiled(two_environments, tmp_path), {"nonsense": 1}, tmp_path, lambda _: None)


def test_a_foreign_image_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(FairleadError, match=r"unknown image 'python:3\.11'"):
        local.run(_compiled(foreign, tmp_path), {}, tmp_path, lambda _: None)


def test_asking_for_an_output_that_is_not_there_lists_those_that_are(tmp_path: Path) -> None:
    run = local.run(_compiled(two_environments, tmp_path), {}, tmp_path, lambda _: None)
    with pytest.raises(FairleadError, match=r"no output where\.nothing; it has: where\.out, where_else\.out"):
        run.artifact("where", "nothing")


def test_images_are_ours() -> None:
    assert image("platform").rpartition("/")[2].startswith("fairlead-platform:")
