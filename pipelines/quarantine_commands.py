"""Commands on the quarantine of a server: which rows wait, and have them answered after all."""

from pathlib import Path
from urllib.parse import urlsplit

import click
import orjson
import polars as pl
from polars.exceptions import PolarsError

from components.core.access import read_access
from components.core.config import Settings
from components.core.errors import FairleadError, unknown
from components.serving.quarantine_log import DONE, QUARANTINE, WAITING, QuarantineLog
from components.serving.quarantine_replay import Offline, Outcome, Send, ToServer, Waiting, replay, waiting
from pipelines.rollout_around import predictions_of

FORMS = (".csv", ".parquet")

file_option = click.option(
    "--file", type=click.Path(path_type=Path), help="The quarantine. [default: quarantine.db in FAIRLEAD_HOME]"
)


@click.group()
def quarantine() -> None:
    """Rows that a server kept from its model, as a rule on odd rows says."""


@quarantine.command("list")
@file_option
@click.option("--all", "everything", is_flag=True, help="Those too that were replayed.")
@click.option(
    "--to", type=click.Path(path_type=Path), help="Write them, with their inputs, to a .csv or .parquet file."
)
@click.pass_obj
def list_(settings: Settings, file: Path | None, everything: bool, to: Path | None) -> None:
    """List the rows that wait, with what is odd about each.

    One that is claimed was about to be replayed when that ended; nobody knows whether it was answered.

    With --to their inputs are written too, one row each: repair them there, and hand the file to replay.
    """
    entries = _log(settings, file).read()
    if not everything:
        entries = entries.filter(~pl.col("state").is_in(DONE))
    if to is not None:
        _write(entries, to)
    for e in entries.iter_rows(named=True):
        why = "; ".join(map(_why, orjson.loads(e["reason"]))) or "another row of its request is odd"
        at = f"{e['at']:%Y-%m-%d %H:%M:%S}"
        who = f"{e['model']} {e['version']} {e['variant']}"
        click.echo(f"{e['id']}  {at}  {e['request_id']} row {e['row']}  {who}  {e['remedy']}  {e['state']}  {why}")
    click.echo(f"{len(entries)} rows" + ("" if everything else " wait"))


@quarantine.command("replay")
@file_option
@click.option("--url", default="", help="A server, which applies its rules again: for rows that are repaired.")
@click.option("--bundle", default="", metavar="URI", help="Score with this bundle here, without rules.")
@click.option("--repaired", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Of id and inputs.")
@click.option("--id", "ids", multiple=True, metavar="ID", help="Only this entry, or all of this request.")
@click.option("--variant", default="stable", show_default=True, help="Only what this side of a rollout kept.")
@click.option("--force", is_flag=True, help="Those too that were replayed before.")
@click.option("--log", default="", metavar="URI", help="With --bundle: the prediction log. [default: this machine's]")
@click.option("--log-mask", default="", metavar="FILE", help="With --bundle: the mask of the prediction log.")
@click.pass_obj
def replay_(
    settings: Settings,
    file: Path | None,
    url: str,
    bundle: str,
    repaired: Path | None,
    ids: tuple[str, ...],
    variant: str,
    force: bool,
    log: str,
    log_mask: str,
) -> None:
    """Have rows answered that wait, as they came or repaired; each once, unless it is forced.

    A request goes to a server as a whole, under its old id, so that its outcome finds it. With --repaired only the
    requests of repaired rows are replayed.
    """
    if bool(url) == bool(bundle):
        raise click.UsageError("give one of --url and --bundle")
    read_access(settings).require(settings.actor, "replay")
    kept = _log(settings, file)
    entries = kept.read(ids)
    mended = None if repaired is None else _read(repaired)
    chosen = _chosen(
        entries, variant, force, None if mended is None else mended["id"].to_list() if "id" in mended else []
    )
    requests, left = _whole(waiting(chosen, mended), kept.read(), bool(url))
    outcomes: list[Outcome] = []
    for model, some in _by_model(requests, chosen).items():
        send: Send = ToServer(url, model) if url else _offline(settings, bundle, model, log, log_mask)
        outcomes += replay(kept, some, send, settings.actor, force=force)
    for outcome in outcomes:
        click.echo(str(outcome))
    _sum_up(outcomes, left, entries, variant)


def _log(settings: Settings, file: Path | None) -> QuarantineLog:
    return QuarantineLog(file or settings.home / QUARANTINE)


def _chosen(entries: pl.DataFrame, variant: str, force: bool, mended: list[str] | None) -> pl.DataFrame:
    """Take those that may be replayed: of one variant, waiting unless forced, and of the requests that are repaired."""
    chosen = entries.filter(pl.col("variant") == variant)
    if not force:
        chosen = chosen.filter(pl.col("state").is_in(WAITING))
    if mended is not None:
        groups = {i.rpartition("-")[0] for i in mended}
        chosen = chosen.filter(_group().is_in(sorted(groups)))
    return chosen


def _whole(requests: list[list[Waiting]], all_: pl.DataFrame, whole: bool) -> tuple[list[list[Waiting]], list[str]]:
    """Keep requests of which all rows are there, where they go to a server; and name the others."""
    if not whole:
        return [[row] for rows in requests for row in rows], []
    sizes = dict(all_.group_by(_group().alias("group")).len().iter_rows())
    kept, left = [], []
    for rows in requests:
        group = rows[0].id.rpartition("-")[0]
        if len(rows) == sizes[group]:
            kept.append(sorted(rows, key=lambda row: row.row))
        else:
            left.append(group)
    return kept, left


def _by_model(requests: list[list[Waiting]], entries: pl.DataFrame) -> dict[str, list[list[Waiting]]]:
    models = dict(entries.select("id", "model").iter_rows())
    found: dict[str, list[list[Waiting]]] = {}
    for rows in requests:
        found.setdefault(models[rows[0].id], []).append(rows)
    return found


def _offline(settings: Settings, uri: str, model: str, log: str, log_mask: str) -> Send:
    # Imported here: it takes seconds, which the other commands need not wait for.
    from components.serving.mask import read_mask
    from components.serving.server import open_bundle
    from components.serving.sinks.opening import open_sink

    bundle, version = open_bundle(uri, settings)
    contract, key = bundle.contract, settings.log_key.get_secret_value()
    mask = read_mask(Path(log_mask), contract.inputs, key, contract.entities) if log_mask else None
    place = log or f"sqlite:///{predictions_of(settings)}"
    if urlsplit(place).scheme != "sqlite":
        raise unknown("prediction log to add to", place, ["sqlite:///PATH"], "Replay to a server that logs elsewhere.")
    return Offline(bundle, version, model, open_sink(place), mask)


def _sum_up(outcomes: list[Outcome], left: list[str], entries: pl.DataFrame, variant: str) -> None:
    done = [o.event for o in outcomes]
    click.echo(f"{done.count('answered')} rows answered, {done.count('withheld')} kept back again")
    others = entries.filter(pl.col("variant") != variant, pl.col("state").is_in(WAITING))
    for (name,), part in others.group_by("variant"):
        click.echo(f"{len(part)} rows of variant {name} wait too: --variant {name}")
    for group in left:
        click.echo(f"{group}: not sent, for rows of its request are not among these; replay it whole, or with --bundle")
    if "failed" in done:
        raise FairleadError(f"{done.count('failed')} rows failed, and wait still; mend them, and replay them again")
    if None in done:
        raise FairleadError(
            f"{done.count(None)} rows were sent, and nobody knows whether they were answered; look for them in the "
            "prediction log, and replay those that are not there with --force"
        )


def _read(file: Path) -> pl.DataFrame:
    if file.suffix not in FORMS:
        raise unknown("form of a table of repaired rows", file.suffix, FORMS)
    try:
        # As text: what looks like a number may be a category.
        return pl.read_csv(file, infer_schema=False) if file.suffix == ".csv" else pl.read_parquet(file)
    except PolarsError as error:
        raise FairleadError(f"{file} cannot be read as a table of repaired rows: {error}") from error


def _write(entries: pl.DataFrame, to: Path) -> None:
    if to.suffix not in FORMS:
        raise unknown("form of a table of rows", to.suffix, FORMS)
    keys = entries.select("id", "request_id", "row").to_dicts()
    rows = [key | orjson.loads(text) for key, text in zip(keys, entries["inputs"], strict=True)]
    frame = pl.DataFrame(rows, infer_schema_length=None)
    if to.suffix == ".csv":
        frame.write_csv(to)
    else:
        frame.write_parquet(to)


def _why(odd: dict[str, object]) -> str:
    where = "" if odd["column"] is None else f" of {odd['column']}"
    return f"{odd['when']}{where}: found {odd['found']}, allowed {odd['allowed']}"


def _group() -> pl.Expr:
    return pl.col("id").str.replace(r"-\d+$", "")
