"""Run a compiled pipeline on this machine: each step in the environment that stands for its image, resumed from cache.

It leans on three internals of kfp 2.17 (the task handler's class, the cache's file names, the log line of a cache hit);
kfp is pinned and tests/pipelines/test_local.py holds us to them.
"""

import contextlib
import json
import logging
import os
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, TextIO

from kfp import components as kfp_components
from kfp import local
from kfp.local import status, subprocess_task_handler

from components.core.artifacts import files_below, hash_files
from components.core.errors import FairleadError
from components.images import group_of
from pipelines.environments import ensure, interpreter

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


def run(package: Path, arguments: dict[str, Any], home: Path, say: Say) -> Run:
    """Run a compiled pipeline to its end.

    Args:
        package: the compiled YAML.
        arguments: pipeline parameters by name; the others keep their defaults.
        home: directory for artifacts, cache and logs.
        say: takes one line of progress.

    Raises:
        FairleadError: a step failed; carries the step's own error and the path of its log.
    """
    folder = home / "runs" / time.strftime("%Y%m%d-%H%M%S")
    folder.mkdir(parents=True, exist_ok=True)
    result = Run(folder)
    cache = home / "cache" / _code_version()
    pipeline = kfp_components.load_component_from_file(str(package))
    progress = _Progress(result, say, cache)
    with _handling(progress), (folder / "run.log").open("w", encoding="utf-8") as log, _quiet(log, progress):
        local.init(
            runner=local.SubprocessRunner(use_venv=False),
            pipeline_root=str(home / "artifacts"),
            workspace_root=str(folder / "workspace"),
            raise_on_error=True,
            enable_caching=True,
            cache_root=str(cache),
        )
        try:
            pipeline(**arguments)
        except RuntimeError as error:
            raise FairleadError(progress.failure or f"{error}; see {folder}") from error
    return result


def _code_version() -> str:
    """Name the code that steps run, so that a cached result never outlives the code that made it."""
    folders = [ROOT / "components", ROOT / "pipelines" / "use_cases", ROOT / "feature_repo", ROOT / "requirements"]
    return hash_files((p for folder in folders for p in files_below(folder)), ROOT)[:16]


class _Progress:
    """Collects what the run's steps did and tells it, a line for each step."""

    def __init__(self, result: Run, say: Say, cache: Path) -> None:
        self.result = result
        self.stdout = sys.stdout
        self.tell = say
        self.cache = cache
        self.failure = ""
        self._lock = threading.Lock()

    def say(self, line: str) -> None:
        # While kfp's own output goes to a file, the user's line still goes where it went before.
        with contextlib.redirect_stdout(self.stdout):
            self.tell(line)

    def ran(self, step: str, outputs: dict[str, str], seconds: float) -> None:
        with self._lock:
            self.result.outputs[step] = outputs
            self.result.seconds[step] = self.result.seconds.get(step, 0.0) + seconds
            self.say(f"  {step:<18} {seconds:6.1f} s")

    def reused(self, step: str, key: str) -> None:
        entry = next(self.cache.glob(f"{key}*.json"))
        values = json.loads(entry.read_text(encoding="utf-8"))
        with self._lock:
            self.result.outputs[step] = {n: v["uri"] for n, v in values.items() if isinstance(v, dict) and "uri" in v}
            self.say(f"  {step:<18}  cached")

    def failed(self, step: str, log: Path) -> None:
        with self._lock:
            self.failure = f"step {step} failed: {_cause(log)}\n(the step's log: {log})"


class _Handler(subprocess_task_handler.SubprocessTaskHandler):  # type: ignore[misc]
    """Runs one step with the interpreter of its image's environment and keeps its output in a file of its own."""

    progress: ClassVar[_Progress]

    def validate_image(self, image: str) -> None:
        group_of(image)

    def run(self) -> status.Status:
        step, executor_input = _step(self.full_command)
        group = group_of(self.image)
        ensure([group], ENVIRONMENTS, self.progress.say)
        python = interpreter(group, ENVIRONMENTS)
        command = subprocess_task_handler.replace_python_executable(self.full_command, str(python))
        outputs = {n: a["artifacts"][0]["uri"] for n, a in executor_input["outputs"].get("artifacts", {}).items()}
        log = self.progress.result.folder / f"{step}-{time.monotonic_ns()}.log"
        environment = {**os.environ, **self.env_vars}
        # Byte code makes the heavy imports of every later step two to three times faster.
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        started = time.monotonic()
        with log.open("w", encoding="utf-8") as out:
            code = subprocess.run(
                command, stdout=out, stderr=subprocess.STDOUT, env=environment, timeout=STEP_TIMEOUT, check=False
            ).returncode
        if code != 0:
            self.progress.failed(step, log)
            return status.Status.FAILURE
        self.progress.ran(step, outputs, time.monotonic() - started)
        return status.Status.SUCCESS


def _step(command: list[str]) -> tuple[str, dict[str, Any]]:
    """Find a step's name and input in the command line that kfp made for it."""
    executor_input = json.loads(command[command.index("--executor_input") + 1])
    return command[command.index("--function_to_execute") + 1], executor_input


def _cause(log: Path) -> str:
    """Take the error out of a step's log: our own errors whole, of any other the end of the trace."""
    text = log.read_text(encoding="utf-8", errors="replace")
    _, mark, ours = text.rpartition("components.core.errors.")
    return ours.partition(": ")[2].strip() if mark else "\n".join(text.strip().splitlines()[-15:])


class _CacheHits(logging.Handler):
    """Hears of steps that were taken from the cache; kfp tells it nowhere else."""

    def __init__(self, progress: _Progress) -> None:
        super().__init__(logging.INFO)
        self.progress = progress

    def emit(self, record: logging.LogRecord) -> None:
        words = record.getMessage().split()
        if "cache hit" in record.getMessage():
            self.progress.reused(words[1].replace("-", "_"), words[4].removeprefix("(key=").removesuffix(");"))


@contextlib.contextmanager
def _handling(progress: _Progress) -> Iterator[None]:
    """Put our task handler in the place of kfp's, which knows one interpreter only."""
    original = subprocess_task_handler.SubprocessTaskHandler
    _Handler.progress = progress
    subprocess_task_handler.SubprocessTaskHandler = _Handler
    try:
        yield
    finally:
        subprocess_task_handler.SubprocessTaskHandler = original


@contextlib.contextmanager
def _quiet(log: TextIO, progress: _Progress) -> Iterator[None]:
    """Send kfp's own output to a file and hear of cache hits."""
    root = logging.getLogger()
    level, hits = root.level, _CacheHits(progress)
    root.addHandler(hits)
    root.setLevel(logging.INFO)
    try:
        with contextlib.redirect_stdout(log), warnings.catch_warnings():
            # Limits, retries and deadlines are for Kubernetes; that a process here has none is no news.
            warnings.filterwarnings("ignore", message=".*have no effect in the current local runner")
            yield
    finally:
        root.removeHandler(hits)
        root.setLevel(level)
