from components.monitoring.alerts.notifiers.console import ConsoleNotifier
from tests.monitoring.alerts.looks import event


def test_a_change_is_one_line_whatever_a_subject_holds():
    lines = []
    ConsoleNotifier(lines.append).tell(event(subject="a\nb\x1b[31m", summary="log loss 0.5"))
    (line,) = lines
    assert line.isprintable()
    assert line.startswith("2005-03-31 red   raised: sba_loans loss/a b [31m: log loss 0.5")
