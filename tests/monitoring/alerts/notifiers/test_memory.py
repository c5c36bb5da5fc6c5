import pytest

from components.monitoring.alerts.notifiers.memory import MemoryNotifier
from components.monitoring.alerts.notifiers.notifier import NotTold
from tests.monitoring.alerts.looks import event


def test_it_keeps_what_it_is_told_unless_it_is_down():
    memory = MemoryNotifier()
    memory.tell(event())
    memory.down = "broken"
    with pytest.raises(NotTold, match="broken"):
        memory.tell(event(id="e2"))
    assert memory.events == [event()]
