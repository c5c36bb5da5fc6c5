"""What an online lookup adds to a request: the same requests to two servers, of which one has a feature store."""

import http.client
import json
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import polars as pl
from feast import Entity as FeastEntity
from feast import FeatureView, FileSource, ValueType
from feast import Field as FeastField
from feast.types import Float64, Int64

from components.core.artifacts import write_whole
from components.core.config import read_settings
from components.core.contracts import Contract, Entity, Field
from components.features.definitions import WINDOW_TAG, view_name
from components.features.store import CONFIGURATION, CONFIGURATION_FILE, open_store, quietly
from components.serving.process import Running, serving
from components.training import integrity, signing
from components.training.bundle import Bundle
from pipelines.benchmarks.measure import Figure, Say

FEATURES = (10, 100)
LIMIT_MS = 10.0
"""Target: what the lookup adds to the 95th percentile."""
KEYS = 10_000
KEY, ENTITY = "thing_id", "thing"
DAY = date(2003, 12, 31)
REQUESTS = 1_000


def measure(bundle: Path, say: Say, requests: int = REQUESTS) -> list[Figure]:
    """Measure what the lookup of one entity adds, for each number of features in ``FEATURES``.

    Two servers with the same model, one with a store, are asked by one client in turn; every request names another key.

    Args:
        bundle: of any model; left as it is.
        say: takes each line of progress.
        requests: to each server.
    """
    figures = []
    for n in FEATURES:
        say(f"online lookup of {n} features")
        with tempfile.TemporaryDirectory(prefix="fairlead-online-") as folder:
            added, spent = _added(bundle, Path(folder), n, requests)
        figures += [
            Figure(f"online lookup, {n} features, adds at p50", added[0], "ms"),
            Figure(f"online lookup, {n} features, adds at p95", added[1], "ms", "target", LIMIT_MS, target=True),
            Figure(f"  request with it, {n} features, p95", spent[1], "ms"),
        ]
    return figures


def build_store(store: Path, model: str, features: int, keys: int = KEYS) -> Entity:
    """Make a store of one entity with so many numbers, materialised for ``DAY``; returns it as a contract names it.

    Args:
        store: directory to make.
        model: of whose contract the entity is.
        features: how many numbers are known of each.
        keys: how many entities there are, named 0, 1 …; number j of entity i is i + j / 1000.
    """
    entity = Entity(name=ENTITY, key=KEY, history=tuple(f"{ENTITY}_{j}" for j in range(features)), window_months=1)
    store.mkdir(parents=True)
    write_whole(store / CONFIGURATION_FILE, CONFIGURATION.encode())
    known = datetime(DAY.year, DAY.month, DAY.day, tzinfo=UTC)
    ids = np.arange(keys)
    columns = {name: ids + j / 1000 for j, name in enumerate(entity.history)}
    path = store.absolute() / "things.parquet"
    pl.DataFrame({KEY: ids, **columns}).with_columns(known=pl.lit(known)).write_parquet(path)
    thing = FeastEntity(name=ENTITY, join_keys=[KEY], value_type=ValueType.INT64)
    view = FeatureView(
        name=view_name(model, ENTITY),
        entities=[thing],
        schema=[FeastField(name=KEY, dtype=Int64), *(FeastField(name=n, dtype=Float64) for n in entity.history)],
        source=FileSource(name="things", path=str(path), timestamp_field="known"),
        tags={WINDOW_TAG: str(entity.window_months)},
    )
    opened = open_store(store)
    with quietly():
        opened.apply([thing, view])
        opened.materialize(start_date=known - timedelta(days=1), end_date=known)
    return entity


def with_entity(bundle: Path, entity: Entity, target: Path, keys: tuple[Path, Path]) -> Contract:
    """Copy a bundle and let its contract ask for one entity and its history; the model does not read them.

    Args:
        bundle: its directory.
        entity: of the store; it takes the places of the model's own.
        target: the directory to make.
        keys: signing and verify key, made when they are not there.
    """
    contract = Contract.read(bundle / "contract.json")
    history = tuple(Field(name=name, kind="float", nullable=True) for name in entity.history)
    inputs = (*contract.inputs, Field(name=entity.key, kind="int", nullable=True), *history)
    changed = contract.model_copy(update={"inputs": inputs, "entities": (entity,), "event_time": ""})
    shutil.copytree(bundle, target)
    (target / integrity.SIGNATURE).unlink(missing_ok=True)
    changed.write(target / "contract.json")
    (target / integrity.CHECKSUMS).write_text(json.dumps(integrity.checksums(target)), encoding="utf-8")
    signing.ensure_key(*keys)
    signing.sign(target, keys[0])
    return changed


def _added(bundle: Path, folder: Path, features: int, requests: int) -> tuple[list[float], list[float]]:
    """Return what the lookup adds to the median and the 95th percentile, and these two with it, in milliseconds."""
    settings = read_settings({"FAIRLEAD_HOME": str(folder / "home"), "USER": "benchmark"})
    entity = build_store(folder / "store", Contract.read(bundle / "contract.json").model, features)
    contract = with_entity(bundle, entity, folder / "bundle", (settings.signing_key, settings.verify_key))
    path = f"/v2/models/{contract.model}/infer"
    request = Bundle.open(folder / "bundle").examples()[1]["request"]
    bodies = [_body(request, i % KEYS) for i in range(requests)]
    uri, store = str(folder / "bundle"), ("--features", str(folder / "store"))
    with (
        serving(uri, settings, folder / "plain.log") as plain,
        serving(uri, settings, folder / "looked_up.log", options=store) as looked_up,
        _connected(plain) as without,
        _connected(looked_up) as with_it,
    ):
        both = [(_milliseconds(without, path, body), _milliseconds(with_it, path, body)) for body in bodies]
    # The first ones pay for what is done once.
    before, after = (np.percentile(times, [50, 95]) for times in zip(*both[requests // 10 :], strict=True))
    return (after - before).tolist(), after.tolist()


def _body(request: dict[str, object], key: int) -> bytes:
    inputs = request["inputs"]
    assert isinstance(inputs, Sequence)
    named = {"name": KEY, "shape": [1], "datatype": "INT64", "data": [key]}
    return json.dumps({**request, "inputs": [*inputs, named]}).encode()


@contextmanager
def _connected(server: Running) -> Iterator[http.client.HTTPConnection]:
    address = urlsplit(server.url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=30)
    try:
        yield connection
    finally:
        connection.close()


def _milliseconds(connection: http.client.HTTPConnection, path: str, body: bytes) -> float:
    started = time.perf_counter()
    connection.request("POST", path, body, {"Content-Type": "application/json"})
    response = connection.getresponse()
    answer = response.read()
    spent = (time.perf_counter() - started) * 1000
    assert response.status == 200, answer
    return spent
