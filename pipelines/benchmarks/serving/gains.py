"""What a gain is made of: the steps from the stock server to ours, each told by what it multiplies the rate with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

LADDER: Sequence[tuple[str, str, str]] = (
    ("stock", "stock-onnx", "ONNX Runtime in place of XGBoost"),
    ("stock-onnx", "stock-quiet", "no log lines from the SDK"),
    ("stock-quiet", "no-lane", "our codec and door on KServe's application, not its data models"),
    ("no-lane", "lane-alone", "the lane ahead of that application"),
    ("lane-alone", "no-batching", "the shortcut from the parser to the batcher, without a task"),
    ("no-batching", "fairlead", "natural batching: one transform and model call for what waits together"),
    ("fairlead", "no-log", "(not taken: switching the prediction log off)"),
)
"""From, to, what lies between them."""


@dataclass(frozen=True)
class Step:
    """One step.

    Args:
        what: in words.
        factor: by which it multiplies the requests a second.
    """

    what: str
    factor: float


def steps(rates: Mapping[str, float]) -> list[Step]:
    """Tell the steps for which both ends were measured.

    >>> steps({"stock": 500.0, "stock-onnx": 1000.0})
    [Step(what='ONNX Runtime in place of XGBoost', factor=2.0)]

    Args:
        rates: name of a server → requests a second.
    """
    return [Step(what, rates[b] / rates[a]) for a, b, what in LADDER if a in rates and b in rates]


def told(kind: str, rates: Mapping[str, float], spent: Mapping[str, float]) -> list[str]:
    """Write the steps as lines; one that is missing is said to be.

    Args:
        kind: of the load.
        rates: name of a server → requests a second.
        spent: name of a server → processor time a request; on a machine with other work it says more than the rate.
    """
    found = steps(rates)
    if not found:
        return [f"{kind}: not to be told; of the servers between the stock one and ours too few were measured"]
    by_cpu = steps({name: 1 / seconds for name, seconds in spent.items()})
    lines = [f"{kind}, the rate is multiplied by (in brackets: what a processor's second gives)"]
    lines += [f"  x {a.factor:5.2f} ({b.factor:5.2f})  {a.what}" for a, b in zip(found, by_cpu, strict=True)]
    if len(found) < len(LADDER):
        lines.append(f"  ({len(LADDER) - len(found)} steps could not be told apart: a server between was not measured)")
    return lines
