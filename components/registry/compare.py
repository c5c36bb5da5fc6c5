"""Two registered versions side by side, as a table and as a plot."""

import io
from collections.abc import Iterator, Sequence
from typing import Any, Literal

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from pydantic import BaseModel, ConfigDict

from components.core.contracts import Contract, Estimate, Field
from components.core.errors import FairleadError
from components.judgement.text_table import number, text_table
from components.registry.version import Version

ABSENT = "-"

Section = Literal["model", "parameter", "contract", "metric"]

_COLOURS = ("#2563a8", "#d9730d")
_STYLE: dict[Any, Any] = {"font.size": 9, "svg.fonttype": "none", "svg.hashsalt": "fairlead"}


class Row(BaseModel):
    """One property of the two versions, as text; ``-`` where a version does not have it."""

    model_config = ConfigDict(frozen=True)

    section: Section
    name: str
    first: str
    second: str

    @property
    def differs(self) -> bool:
        """Whether the two versions differ here."""
        return self.first != self.second


class Sides(BaseModel):
    """Two versions side by side."""

    model_config = ConfigDict(frozen=True)

    first: str
    second: str
    rows: tuple[Row, ...]

    def text(self, differences_only: bool = False) -> str:
        """Write a plain-text table; the last column marks the rows that differ."""
        return text_table(self._header(), self._cells(differences_only))

    def markdown(self, differences_only: bool = False) -> str:
        """Write a Markdown table."""
        header = self._header()
        lines = [header, ["---"] * len(header), *self._cells(differences_only)]
        return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)

    def _header(self) -> list[str]:
        return ["what", "name", self.first, self.second, "differs"]

    def _cells(self, differences_only: bool) -> list[list[str]]:
        shown = [r for r in self.rows if r.differs or not differences_only]
        return [[r.section, r.name, r.first, r.second, "*" if r.differs else ""] for r in shown]


def compare(first: Version, second: Version) -> Sides:
    """Set two versions of one model side by side: where they come from, parameters, contract, metrics.

    A metric stands as ``value [low, high] (n=rows)``, so that overlapping intervals are seen. Each version was measured
    on its own test rows: whether one is better is for the paired comparison (``components.judgement.compare``) to say.

    Raises:
        FairleadError: they are versions of different models.
    """
    if first.use_case != second.use_case:
        raise FairleadError(
            f"cannot compare a version of {first.use_case!r} with one of {second.use_case!r}; name two of one model"
        )
    rows = [*_model(first, second), *_parameters(first, second), *_contract(first.contract, second.contract)]
    names = [f"{v.use_case} {v.version}" for v in (first, second)]
    return Sides(first=names[0], second=names[1], rows=(*rows, *_metrics(first, second)))


def plot(first: Version, second: Version, dataset: str = "test") -> str:
    """Draw the metrics of two versions with their intervals, a panel for each metric, a line for each slice.

    Args:
        first: one version.
        second: the other.
        dataset: which of the data sets that were measured.

    Returns:
        A self-contained SVG; equal versions give equal text.

    Raises:
        FairleadError: neither version was measured on that data set.
    """
    measured = [_estimates(v, dataset) for v in (first, second)]
    keys = list(dict.fromkeys(key for m in measured for key in m))
    if not keys:
        known = sorted({m.dataset for v in (first, second) for m in v.metrics})
        raise FairleadError(f"no metrics on data set {dataset!r}; measured on: {', '.join(known) or 'none'}")
    slices, names = (list(dict.fromkeys(key[i] for key in keys)) for i in (0, 1))
    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(1.6 + 2.3 * len(names), 1.2 + 0.3 * len(slices)), layout="constrained")
        panels = figure.subplots(1, len(names), sharey=True, squeeze=False)[0]
        for axes, name in zip(panels, names, strict=True):
            drawn = [_draw(axes, [m.get((s, name)) for s in slices], side) for side, m in enumerate(measured)]
            axes.set_title(name if any(drawn) else f"{name}: no data")
        panels[0].set_yticks(range(len(slices)), slices)
        panels[0].set_ylim(len(slices) - 0.5, -0.5)
        figure.legend(
            handles=[Line2D([], [], marker="o", ms=4, lw=1.4, color=c) for c in _COLOURS],
            labels=[f"version {v.version}" for v in (first, second)],
            loc="outside lower center",
            ncols=2,
        )
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    return text.getvalue()


def _draw(axes: Axes, estimates: Sequence[Estimate | None], side: int) -> int:
    shown = [(i, e.value, e) for i, e in enumerate(estimates) if e is not None and e.value is not None]
    heights = [i + 0.24 * (side - 0.5) for i, _, _ in shown]
    values = [value for _, value, _ in shown]
    # An estimate without an interval is drawn as a bare point.
    below = [value - (value if e.low is None else e.low) for _, value, e in shown]
    above = [(value if e.high is None else e.high) - value for _, value, e in shown]
    axes.errorbar(values, heights, xerr=[below, above], fmt="o", ms=4, lw=1.4, color=_COLOURS[side])
    axes.grid(axis="x", alpha=0.25)
    return len(shown)


def _model(first: Version, second: Version) -> Iterator[Row]:
    for name, a, b in zip(_FACTS, _facts(first), _facts(second), strict=True):
        yield Row(section="model", name=name, first=a, second=b)


_FACTS = ("created", "registered by", "aliases", "digest", "run", "algorithm", "trained as of", "data hash")


def _facts(v: Version) -> tuple[str, ...]:
    c = v.contract
    aliases = ", ".join(v.aliases)
    digest, data_hash = v.digest[:12], c.data_hash[:12]
    return (v.created, v.registered_by, aliases or ABSENT, digest, v.run_id or ABSENT, c.algorithm, c.as_of, data_hash)


def _parameters(first: Version, second: Version) -> Iterator[Row]:
    for name in sorted(first.parameters.keys() | second.parameters.keys()):
        values = [v.parameters.get(name, ABSENT) for v in (first, second)]
        yield Row(section="parameter", name=name, first=values[0], second=values[1])


def _contract(first: Contract, second: Contract) -> Iterator[Row]:
    yield Row(section="contract", name="threshold", first=number(first.threshold), second=number(second.threshold))
    prints = {"transform": "transform_fingerprint", "code": "code_fingerprint", "environment": "environment_lock"}
    for name, field in prints.items():
        a, b = (str(getattr(c, field))[:12] for c in (first, second))
        yield Row(section="contract", name=name, first=a, second=b)
    inputs = [{f.name: _words(f) for f in c.inputs} for c in (first, second)]
    outputs = [{o.name: o.datatype for o in c.outputs} for c in (first, second)]
    features = [{name: f"column {i}" for i, name in enumerate(c.features)} for c in (first, second)]
    for kind, (mine, theirs) in {"input": inputs, "output": outputs, "feature": features}.items():
        # Those that agree are left out: a contract has dozens.
        for name in dict.fromkeys([*mine, *theirs]):
            if mine.get(name) != theirs.get(name):
                values = [side.get(name, ABSENT) for side in (mine, theirs)]
                yield Row(section="contract", name=f"{kind} {name}", first=values[0], second=values[1])


def _words(f: Field) -> str:
    parts = [f.kind, "may be missing" if f.nullable else ""]
    parts += [
        f">= {f.minimum:g}" if f.minimum is not None else "",
        f"<= {f.maximum:g}" if f.maximum is not None else "",
    ]
    parts += [f"one of {', '.join(f.values)}" if f.values is not None else ""]
    return ", ".join(part for part in parts if part)


def _metrics(first: Version, second: Version) -> Iterator[Row]:
    datasets = dict.fromkeys(m.dataset for v in (first, second) for m in v.metrics)
    for dataset in datasets:
        measured = [_estimates(v, dataset) for v in (first, second)]
        for key in dict.fromkeys(key for m in measured for key in m):
            values = [str(m[key]) if key in m else ABSENT for m in measured]
            yield Row(section="metric", name=f"{dataset}/{key[0]} {key[1]}", first=values[0], second=values[1])


def _estimates(v: Version, dataset: str) -> dict[tuple[str, str], Estimate]:
    return {(m.slice, name): e for m in v.metrics if m.dataset == dataset for name, e in m.metrics.items()}
