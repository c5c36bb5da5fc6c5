from typing import get_args

from components.monitoring.drift.line import LineKind
from components.monitoring.values import Drift


def test_a_line_knows_the_kinds_of_a_report() -> None:
    assert set(get_args(LineKind)) == set(get_args(Drift.model_fields["kind"].annotation))
