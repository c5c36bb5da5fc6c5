"""Every alert has a runbook that helps, and every runbook belongs to an alert."""

import ast
import re
from pathlib import Path

import click
import pytest

from components.monitoring import calls, runbooks
from components.monitoring.runbooks import FROM_LOOKS, FROM_RULES, MEANING, alert_name, path_of
from pipelines.alert_commands import alerts
from pipelines.cli import main

ROOT = Path(__file__).parents[2]
SECTIONS = ["What it means", "First look at", "What to do", "When to silence it"]


def test_every_alert_has_a_runbook_and_every_runbook_an_alert():
    there = {path.stem for path in (ROOT / runbooks.FOLDER).glob("*.md")} - {"README"}
    assert there == set(MEANING)
    assert not set(FROM_LOOKS) & set(FROM_RULES)


def test_every_call_that_the_code_makes_is_an_alert():
    """Names of calls are plain strings in ``calls.py``: the first argument of ``_call``, or ``name=`` of a ``Call``."""
    tree = ast.parse(Path(calls.__file__).read_text(encoding="utf-8"))
    found = {*calls._BY_KIND.values(), "drift", "loss", "estimated_loss"}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("_call", "Call"):
            names = [*node.args[:1], *(k.value for k in node.keywords if k.arg == "name")]
            found |= {n.value for n in names if isinstance(n, ast.Constant)}
    assert found == set(FROM_LOOKS) - {"test"}


@pytest.mark.parametrize("name", sorted(MEANING))
def test_a_runbook_says_what_it_means_where_to_look_and_what_to_do(name):
    text = (ROOT / path_of(name)).read_text(encoding="utf-8")
    assert text.startswith(f"# {alert_name(name)}\n\n{MEANING[name]}\n")
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == SECTIONS
    bodies = re.split(r"^## .*$", text, flags=re.MULTILINE)[1:]
    assert all(len(body.split()) >= 8 for body in bodies)
    assert "```sh\n" in bodies[1], "first things to look at come with commands"


@pytest.mark.parametrize("name", sorted(MEANING))
def test_the_commands_of_a_runbook_exist(name):
    text = (ROOT / path_of(name)).read_text(encoding="utf-8")
    group = click.Group(commands={**main.commands, "alerts": alerts})
    said = re.findall(r"^fairlead (.+)$", text, re.MULTILINE) + re.findall(r"`fairlead ([^`]+)`", text)
    assert [line for line in said if not _exists(group, line.split())] == []
    targets = re.findall(r"(?:^|`)make ([a-z-]+)", text, re.MULTILINE)
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert [t for t in targets if f"\n{t}:" not in makefile] == []


def _exists(command, words):
    """Whether the words lead to a command, and its options are options of it."""
    while isinstance(command, click.Group) and words and words[0] in command.commands:
        command, words = command.commands[words[0]], words[1:]
    known = {"--help", *(option for parameter in command.params for option in parameter.opts)}
    options = {w.partition("=")[0] for w in words if w.startswith("--")}
    return not isinstance(command, click.Group) and options <= known
