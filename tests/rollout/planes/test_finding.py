"""A finding is one line that says where, what, what instead and the way out."""

from components.rollout.planes.finding import Finding


def test_a_line_has_all_its_parts() -> None:
    made = Finding(
        severity="error",
        subject="S a",
        field="spec.x",
        found="7",
        allowed="8",
        way_out="Write 8",
        file="a.yaml",
    )
    assert str(made) == "error: a.yaml: S a: spec.x: 7; allowed: 8. Write 8"
    bare = Finding(severity="info", subject="S", field="mode", found="Knative")
    assert str(bare) == "info: S: mode: Knative"
