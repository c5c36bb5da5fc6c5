"""Prometheus' own tools, where they are installed."""

import shutil
import subprocess

import pytest

needs_promtool = pytest.mark.skipif(
    not shutil.which("promtool"), reason="promtool is not on the PATH: apt-get install prometheus"
)
needs_amtool = pytest.mark.skipif(
    not shutil.which("amtool"), reason="amtool is not on the PATH: apt-get install prometheus-alertmanager"
)


def run(*command) -> str:
    """Run a tool that has to end well, and return what it said."""
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr
