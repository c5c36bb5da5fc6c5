import pytest

from components.core.errors import FairleadError
from components.serving.equip import Around, equip


@pytest.mark.parametrize(
    ("around", "text"),
    [
        (Around(log_rate=("canary=0.5",)), "give --log too"),
        (Around(log_mask="mask.yaml"), "give --log too"),
        (Around(log=("carrier-pigeon://x",)), "unknown place for logged predictions"),
        (Around(log=("sqlite:///x.db",), log_rate=("canary=5",)), "sampling rate 'canary=5'"),
        (Around(log=("sqlite:///x.db",), log_mask="nowhere.yaml"), r"mask nowhere\.yaml cannot be read"),
        (Around(hooks="nothing"), "allowed is package.module:Class"),
        (Around(features="/nowhere"), "nowhere"),
        (Around(traces="collector:4317"), "traces: found 'collector:4317'"),
    ],
)
def test_what_cannot_be_had_is_told_before_anything_is_served(opened, session_settings, around, text):
    # Twice: what was refused has left no metrics behind, which there can be only once.
    for _ in range(2):
        with pytest.raises(FairleadError, match=text):
            equip(opened, "m", "1", 10, around, session_settings)
