"""Grafana dashboards from one table each: rows of panels, with what they ask Prometheus for."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from string import ascii_uppercase
from typing import TYPE_CHECKING, Any

from components.monitoring.boards import BOARDS, Board, Panel

if TYPE_CHECKING:
    from grafana_foundation_sdk.models.dashboard import Dashboard

PREFIX = "fairlead-"
SOURCE = "${datasource}"
COLUMNS = 24
"""Width of Grafana's grid; panels of a row share it."""


@dataclass(frozen=True)
class Asked:
    """One expression and where it stands, for tests that try them all.

    Args:
        board: name of the dashboard.
        panel: title of the panel.
        expression: as it is sent, ``$model`` still in it.
    """

    board: str
    panel: str
    expression: str


def texts() -> Mapping[str, str]:
    """Make every dashboard: name of its file, without its ending → JSON.

    What is written has gone once through Grafana's own model of it: reading and writing it again changes nothing.
    """
    return {f"{PREFIX}{name}": through(_dumped(build(name, board))) for name, board in BOARDS.items()}


def through(text: str) -> str:
    """Read a dashboard into Grafana's own model and write it again, with the defaults that it fills in."""
    from grafana_foundation_sdk.cog import plugins
    from grafana_foundation_sdk.models.dashboard import Dashboard

    plugins.register_default_plugins()
    return _dumped(Dashboard.from_json(json.loads(text)))


def _dumped(board: "Dashboard") -> str:
    from grafana_foundation_sdk.cog.encoder import JSONEncoder

    return json.dumps(board, cls=JSONEncoder, indent=1, sort_keys=True) + "\n"


def expressions() -> Sequence[Asked]:
    """List everything that the dashboards ask for."""
    return [
        Asked(name, panel.title, expression)
        for name, board in BOARDS.items()
        for row in board.rows.values()
        for panel in row
        for expression in panel.asks
    ]


def build(name: str, board: Board) -> "Dashboard":
    """Make a dashboard, in the SDK's own model of one.

    Args:
        name: its address in Grafana, after ``PREFIX``.
        board: what is on it.
    """
    from grafana_foundation_sdk.builders import dashboard

    made = dashboard.Dashboard(board.title).uid(PREFIX + name).tags(["fairlead"]).editable().refresh("1m")
    made = made.description(board.text).time(board.since, "now").timezone("utc")
    made = made.with_variable(dashboard.DatasourceVariable("datasource").label("Data source").type("prometheus"))
    made = made.with_variable(_models(board.models))
    for title, panels in board.rows.items():
        made = made.with_row(dashboard.Row(title))
        for panel in panels:
            made = made.with_panel(_panel(panel, COLUMNS // len(panels)))
    return made.build()


def _models(metric: str) -> Any:
    from grafana_foundation_sdk.builders import dashboard
    from grafana_foundation_sdk.models.dashboard import VariableRefresh

    made = dashboard.QueryVariable("model").label("Model").query(f"label_values({metric}, model)")
    made = made.datasource(_source()).include_all(True).all_value(".+").multi(True)
    return made.refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)


def _panel(panel: Panel, width: int) -> Any:
    from grafana_foundation_sdk.builders import prometheus, stat, statetimeline, table, timeseries
    from grafana_foundation_sdk.models.prometheus import PromQueryFormat

    kinds: Mapping[str, Any] = {
        "line": timeseries.Panel,
        "number": stat.Panel,
        "states": statetimeline.Panel,
        "table": table.Panel,
    }
    made = kinds[panel.kind]().title(panel.title).description(panel.text).datasource(_source()).unit(panel.unit)
    for letter, (expression, legend) in zip(ascii_uppercase, panel.asks.items(), strict=False):
        ask = prometheus.Dataquery().expr(expression).legend_format(legend).ref_id(letter)
        if panel.kind in ("number", "table"):
            ask = ask.instant()
        if panel.kind == "table":
            ask = ask.format(PromQueryFormat.TABLE)
        made = made.with_target(ask)
    if panel.limits:
        made = made.thresholds(_limits(panel.limits))
        if panel.kind == "line":
            made = _with_lines(made)
    return made.span(width).height(8)


def _limits(limits: tuple[float, float]) -> Any:
    from grafana_foundation_sdk.builders.dashboard import ThresholdsConfig
    from grafana_foundation_sdk.models.dashboard import Threshold, ThresholdsMode

    amber, red = limits
    steps = [Threshold(None, "green"), Threshold(amber, "orange"), Threshold(red, "red")]
    return ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps)


def _with_lines(panel: Any) -> Any:
    from grafana_foundation_sdk.builders.common import GraphThresholdsStyleConfig
    from grafana_foundation_sdk.models.common import GraphThresholdsStyleMode

    return panel.thresholds_style(GraphThresholdsStyleConfig().mode(GraphThresholdsStyleMode.DASHED))


def _source() -> Any:
    from grafana_foundation_sdk.models.dashboard import DataSourceRef

    return DataSourceRef(type_val="prometheus", uid=SOURCE)
