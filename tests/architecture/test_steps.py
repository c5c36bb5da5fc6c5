"""A pipeline step reads, calls one function, writes: no logic of its own."""

import ast

import pytest

STATEMENTS = 12
FORBIDDEN = (ast.FunctionDef, ast.ClassDef, ast.While, ast.Try, ast.Lambda)


def is_step(function: ast.FunctionDef) -> bool:
    """Whether a function is decorated as a component: ``@dsl.component(…)``, or ``@step(…)``, which makes one."""
    names = {ast.unparse(d.func if isinstance(d, ast.Call) else d).split(".")[-1] for d in function.decorator_list}
    return bool(names & {"component", "step"})


def steps(source: str) -> list[ast.FunctionDef]:
    """List the steps in a file."""
    return [n for n in ast.walk(ast.parse(source)) if isinstance(n, ast.FunctionDef) and is_step(n)]


def logic(step: ast.FunctionDef) -> list[str]:
    """List what one step does beyond reading, calling and writing."""
    found = []
    body = [n for statement in step.body for n in ast.walk(statement)]
    statements = sum(isinstance(n, ast.stmt) and not isinstance(n, ast.Import | ast.ImportFrom) for n in body)
    if ast.get_docstring(step) is not None:
        statements -= 1
    if statements > STATEMENTS:
        found.append(f"{step.name} has {statements} statements; {STATEMENTS} are allowed")
    found += [f"{step.name} holds a {type(n).__name__}" for n in body if isinstance(n, FORBIDDEN)]
    if not any(isinstance(n, ast.ImportFrom) and (n.module or "").startswith("components") for n in body):
        found.append(f"{step.name} calls nothing of ours")
    return found


def test_steps_hold_no_logic(ours: dict[str, str]) -> None:
    found = [(path, step) for path, source in ours.items() for step in steps(source)]
    assert [f"{path}: {line}" for path, step in found for line in logic(step)] == []


def test_steps_live_in_component_files(ours: dict[str, str]) -> None:
    assert [path for path, source in ours.items() if steps(source) and not path.endswith("/component.py")] == []


GOOD = """
@step("platform")
def ingest(source: str, raw: Output[Dataset]):
    '''Take the table in.'''
    from components.data.ingest import ingest as take
    report = take(source, raw.path)
    raw.metadata.update(report.model_dump())
"""


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (GOOD + "    x = 1\n" * 11, "has 13 statements"),
        (GOOD + "    while True:\n        break\n", "holds a While"),
        (GOOD + "    def inner(): pass\n", "holds a FunctionDef"),
        ("@dsl.component(base_image='x')\ndef f():\n    print(1)\n", "calls nothing of ours"),
        ("@dsl.component\ndef f():\n    import json\n", "calls nothing of ours"),
    ],
)
def test_logic_in_a_step_is_found(source: str, reason: str) -> None:
    (found,) = [step for step in steps(source) if step.name != "inner"]
    assert any(reason in line for line in logic(found))


def test_a_thin_step_is_left_alone() -> None:
    (step,) = steps(GOOD)
    assert logic(step) == []
