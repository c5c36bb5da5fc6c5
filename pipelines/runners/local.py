"""Run a compiled pipeline on this machine: each step in the environment that stands for its image, resumed from cache.

A step is run by a warm worker of that environment (``pipelines.runners.workers``), or on demand by an interpreter of
its own, as in its container.

It leans on two internals of kfp 2.17, the task handler's class and the function that executes a task; kfp is pinned and
tests/pipelines/test_local.py holds us to them.
"""

import builtins
import contextlib
import logging
import os
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, TextIO

from kfp import components as kfp_components
from kfp import local
from kfp.dsl import Artifact
from kfp.local import status, subprocess_task_handler
from kfp.local.orchestrator import task_executor

from components.core.artifacts import files_below, hash_files
from components.core.errors import FairleadError
from components.images import group_of
from pipelines.environments import ensure, interpreter
from pipelines.runners.worker_process import Order, carried
from pipelines.runners.workers import shared

ROOT = Path(__file__).parents[2]

ENVIRONMENTS = Path(sys.prefix).parents[1]
"""Home of the environments: where the one that runs this is."""

STEP_TIMEOUT = 1800.0
"""Seconds: no step may take longer here; on Kubernetes each has a deadline of its own."""

Say = Callable[[str], None]


@dataclass
class Run:
    """What one run left behind."""

    folder: Path
    """Logs of the run, one file for each step."""
    outputs: dict[str, dict[str, str]] = field(default_factory=dict)
    """Step → output name → path of the artifact."""
    seconds: dict[str, float] = field(default_factory=dict)
    """Step → wall seconds; a step taken from the cache is not in it."""

    def artifact(self, step: str, name: str) -> Path:
        """Return where a step's output lies.

        Raises:
            FairleadError: the run has no such step or output.
        """
        try:
            return Path(self.outputs[step][name])
        except KeyError as error:
            known = ", ".join(f"{s}.{n}" for s, names in self.outputs.items() for n in names)
            raise FairleadError(f"the run has no output {step}.{name}; it has: {known}") from error


class RunFailed(FairleadError):
    """A step failed; what the steps before it left is told along.

    Args:
        text: the step's own error and the path of its log.
        run: as far as it came.
    """

    def __init__(self, text: str, run: Run) -> None:
        super().__init__(text)
        self.run = run


def run(
    package: Path, arguments: dict[str, Any], home: Path, say: Say, cached: bool = True, isolated: bool = False
) -> Run:
    """Run a compiled pipeline to its end.

    Args:
        package: the compiled YAML.
        arguments: pipeline parameters by name; the others keep their defaults.
        home: directory for artifacts, cache and logs.
        say: takes one line of progress.
        cached: False to run every step, whatever earlier runs left.
        isolated: run each step in an interpreter of its own, which takes longer: it imports everything again.

    Raises:
        RunFailed: a step failed; carries the step's own error and the path of its log.
    """
    (home / "runs").mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=time.strftime("%Y%m%d-%H%M%S-"), dir=home / "runs"))
    result = Run(folder)
    cache = home / "cache" / _code_version()
    pipeline = kfp_components.load_component_from_file(str(package))
    progress = _Progress(result, say)
    with (
        _watching(progress, home, isolated),
        shared().ended_by_interrupt(),
        (folder / "run.log").open("w", encoding="utf-8") as log,
        _quiet(log),
    ):
        local.init(
            runner=local.SubprocessRunner(use_venv=False),
            pipeline_root=str(home / "artifacts"),
            workspace_root=str(folder / "workspace"),
            raise_on_error=True,
            enable_caching=cached,
            cache_root=str(cache),
        )
        try:
            pipeline(**arguments)
        except (RuntimeError, TypeError, ValueError) as error:
            raise RunFailed(progress.failure or f"{error}; see {folder}", result) from error
    return result


def _code_version() -> str:
    """Name the code that steps run, so that a cached result never outlives the code that made it."""
    folders = [ROOT / "components", ROOT / "pipelines" / "use_cases", ROOT / "feature_repo", ROOT / "requirements"]
    return hash_files((p for folder in folders for p in files_below(folder)), ROOT)[:16]


class _Progress:
    """Collects what the run's steps did and tells it, a line for each step."""

    def __init__(self, result: Run, say: Say) -> None:
        self.result = result
        self.stdout = sys.stdout
        self.tell = say
        self.failure = ""
        self._lock = threading.Lock()
        self._this_step = threading.local()

    def say(self, line: str) -> None:
        # While kfp's own output goes to a file, the user's line still goes where it went before.
        with contextlib.redirect_stdout(self.stdout):
            self.tell(line)

    def ran(self, seconds: float) -> None:
        """Take note, in a step's own thread, that it was run and not taken from the cache."""
        self._this_step.seconds = seconds

    def ended(self, step: str, outputs: dict[str, Any]) -> None:
        seconds = self._this_step.__dict__.pop("seconds", None)
        with self._lock:
            self.result.outputs[step] = {name: v.uri for name, v in outputs.items() if isinstance(v, Artifact)}
            if seconds is not None:
                self.result.seconds[step] = self.result.seconds.get(step, 0.0) + seconds
            self.say(f"  {step:<18} {'cached' if seconds is None else f'{seconds:6.1f} s':>8}")

    def failed(self, step: str, log: Path, cause: str) -> None:
        with self._lock:
            self.failure = self.failure or f"step {step} failed: {cause}\n(the step's log: {log})"


class _Handler(subprocess_task_handler.SubprocessTaskHandler):  # type: ignore[misc]
    """Runs one step with the interpreter of its image's environment and keeps its output in a file of its own."""

    progress: ClassVar[_Progress]
    home: ClassVar[Path]
    isolated: ClassVar[bool]

    def validate_image(self, image: str) -> None:
        group_of(image)

    def run(self) -> status.Status:
        step = self.full_command[self.full_command.index("--function_to_execute") + 1]
        group = group_of(self.image)
        ensure([group], ENVIRONMENTS, self.progress.say)
        log = self.progress.result.folder / f"{step}-{time.monotonic_ns()}.log"
        log.touch()
        started = time.monotonic()
        try:
            if self.execute(interpreter(group, ENVIRONMENTS), log) == 0:
                self.progress.ran(time.monotonic() - started)
                return status.Status.SUCCESS
            cause = _cause(log)
        except TimeoutError:
            cause = f"it took longer than {STEP_TIMEOUT:g} s"
        except FairleadError as error:
            cause = f"{error}\n{_end_of(log)}"
        self.progress.failed(step, log, cause.strip())
        return status.Status.FAILURE

    def execute(self, python: Path, log: Path) -> int:
        """Run the step with an interpreter and return its exit status.

        Raises:
            TimeoutError: it took too long.
            FairleadError: its process died.
        """
        environment = {**os.environ, **self.env_vars}
        # Byte code makes the heavy imports of every later step two to three times faster.
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        found = None if self.isolated else carried(self.full_command)
        if found is not None:
            code, arguments = found
            order = Order(python, _code_version(), self.home, code, arguments, environment, log)
            return shared().run(order, STEP_TIMEOUT)
        command = subprocess_task_handler.replace_python_executable(self.full_command, str(python))
        with log.open("w", encoding="utf-8") as out:
            try:
                return subprocess.run(
                    command, stdout=out, stderr=subprocess.STDOUT, env=environment, timeout=STEP_TIMEOUT, check=False
                ).returncode
            except subprocess.TimeoutExpired as error:
                raise TimeoutError from error


def _cause(log: Path) -> str:
    """Take the error out of a step's log: our own errors whole, of any other the end of the trace."""
    text = log.read_text(encoding="utf-8", errors="replace")
    _, mark, ours = text.rpartition("components.core.errors.")
    return ours.partition(": ")[2].strip() if mark else _end_of(log)


def _end_of(log: Path) -> str:
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-15:])


@contextlib.contextmanager
def _watching(progress: _Progress, home: Path, isolated: bool) -> Iterator[None]:
    """Put our task handler in the place of kfp's, which knows one interpreter only, and hear of every step's end."""
    handler, execute = subprocess_task_handler.SubprocessTaskHandler, task_executor.execute_single_task

    def executed(**arguments: Any) -> Any:
        outputs, ended = execute(**arguments)
        if ended == status.Status.SUCCESS:
            progress.ended(arguments["task_name"].replace("-", "_"), outputs)
        return outputs, ended

    _Handler.progress, _Handler.home, _Handler.isolated = progress, home, isolated
    subprocess_task_handler.SubprocessTaskHandler = _Handler
    task_executor.execute_single_task = executed
    try:
        yield
    finally:
        subprocess_task_handler.SubprocessTaskHandler = handler
        task_executor.execute_single_task = execute


@contextlib.contextmanager
def _quiet(log: TextIO) -> Iterator[None]:
    """Send kfp's own output to a file."""
    root = logging.getLogger()
    level, handlers, printed = root.level, root.handlers[:], builtins.print
    try:
        with contextlib.redirect_stdout(log), warnings.catch_warnings():
            # Limits, retries and deadlines are for Kubernetes; that a process here has none is no news.
            warnings.filterwarnings("ignore", message=".*have no effect in the current local runner")
            yield
    finally:
        # Steps that ran side by side may have left kfp's handlers, which write to the file that is now closed.
        root.handlers[:] = handlers
        root.setLevel(level)
        # Nor do they always give back the print that kfp indents: each thread puts back what it found.
        builtins.print = printed
