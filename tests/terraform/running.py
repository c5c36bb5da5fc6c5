"""Run Terraform on copies of terraform/, so that it leaves nothing in the tree."""

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.terraform import google_provider

TERRAFORM = google_provider.ROOT / "terraform"
ENVIRONMENTS = ("dev", "staging", "prod")


@dataclass(frozen=True)
class Copy:
    """A copy of terraform/.

    Args:
        folder: of the copy.
        variables: the environment that Terraform runs in.
    """

    folder: Path
    variables: dict[str, str]

    @classmethod
    def make(cls, target: Path) -> "Copy":
        """Copy terraform/ to a folder that is not there yet."""
        shutil.copytree(TERRAFORM, target, ignore=shutil.ignore_patterns(".terraform"))
        quiet = {**os.environ, "CHECKPOINT_DISABLE": "1", "TF_IN_AUTOMATION": "1"}
        if google_provider.is_real():
            quiet["TF_PLUGIN_CACHE_DIR"] = str(google_provider.cache_folder())
            quiet["TF_PLUGIN_CACHE_MAY_BREAK_DEPENDENCY_LOCK_FILE"] = "1"
        else:
            quiet["TF_CLI_CONFIG_FILE"] = str(google_provider.command_line_settings())
        return cls(target, quiet)

    def run(self, name: str, *words: str) -> str:
        """Run Terraform in a folder of the copy and return what it printed; AssertionError when it fails."""
        done = subprocess.run(
            ["terraform", *words, "-no-color"],  # noqa: S607
            cwd=self.folder / name,
            env=self.variables,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        told = f"{done.stdout[-6000:]}{done.stderr[-3000:]}"
        assert done.returncode == 0, f"terraform {' '.join(words)} in {name}:\n{told}"
        return done.stdout

    def prepare(self, name: str) -> None:
        """Bring a folder's modules in, and the provider where it is the real one."""
        if google_provider.is_real():
            self.run(name, "init", "-backend=false", "-input=false")
        else:
            self.run(name, "get")

    def replace(self, name: str, right: str, wrong: str) -> None:
        """Replace a text in the files of a folder; AssertionError when it is in none."""
        files = [file for file in (self.folder / name).glob("*.tf") if right in file.read_text(encoding="utf-8")]
        assert files, f"{right!r} is nowhere in {name}"
        for file in files:
            file.write_text(file.read_text(encoding="utf-8").replace(right, wrong), encoding="utf-8")

    def planned(self, environment: str) -> list[dict[str, Any]]:
        """Return all resources that an environment's own test plans."""
        self.prepare(f"envs/{environment}")
        lines = self.run(f"envs/{environment}", "test", "-json", "-verbose").splitlines()
        plans = [json.loads(line)["test_plan"] for line in lines if '"type":"test_plan"' in line]
        (changes,) = [plan["resource_changes"] for plan in plans]
        return [change for change in changes if change["mode"] == "managed"]
