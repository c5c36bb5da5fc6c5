from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer

from components.core.errors import FairleadError
from components.core.objects import object_store
from components.data.sources import SAMPLES, fetch
from tests.core.google_storage import FORBIDDEN, google_storage

CONTENT = b"a,b\n1,2\n" * 1000


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(s3: str, monkeypatch: pytest.MonkeyPatch) -> str:
    variables = {
        "AWS_ENDPOINT_URL": s3,
        "AWS_ACCESS_KEY_ID": "a",
        "AWS_SECRET_ACCESS_KEY": "b",
        "AWS_REGION": "us-east-1",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    client = boto3.client("s3", endpoint_url=s3, region_name="us-east-1")
    client.create_bucket(Bucket="loans")
    client.put_object(Bucket="loans", Key="raw/2003 q1/table.csv", Body=CONTENT)
    return "loans"


@pytest.fixture
def gs(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    path = tmp_path_factory.mktemp("gs") / "table.csv"
    path.write_bytes(CONTENT)
    with google_storage("loans") as address:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", address)
        store, name = object_store("gs://loans/raw/2003 q1/table.csv")
        store.write(name, path)
        yield


def test_a_path_is_left_where_it_is(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(CONTENT)
    assert fetch(str(path), tmp_path) == path


def test_a_sample_ships() -> None:
    assert fetch("sample://sba_ca_1997_2012.parquet", Path("unused")) == SAMPLES / "sba_ca_1997_2012.parquet"


def test_an_object_in_s3_is_copied(bucket: str, tmp_path: Path) -> None:
    path = fetch(f"s3://{bucket}/raw/2003 q1/table.csv", tmp_path)
    assert path == tmp_path / "table.csv"
    assert path.read_bytes() == CONTENT


@pytest.mark.usefixtures("gs")
def test_an_object_in_gs_is_copied(tmp_path: Path) -> None:
    path = fetch("gs://loans/raw/2003 q1/table.csv", tmp_path)
    assert path == tmp_path / "table.csv"
    assert path.read_bytes() == CONTENT


@pytest.mark.usefixtures("gs", "bucket")
@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("no/such.csv", "source no/such.csv does not exist"),
        (str(SAMPLES), "is a folder"),
        ("ftp://host/a.csv", "unknown scheme 'ftp://'; allowed: a path, sample://, gs://, s3://"),
        ("sample://other.csv", "unknown sample 'other.csv'; allowed: sba_ca_1997_2012.parquet"),
        ("sample://../columns.py", "unknown sample"),
        ("s3://loans", "names no object; write s3://BUCKET/KEY"),
        ("gs:///a.csv", "names no object; write gs://BUCKET/KEY"),
        ("s3://loans/none.csv", "s3://loans/none.csv does not exist"),
        ("s3://no-bucket/none.csv", "s3://no-bucket/none.csv does not exist"),
        ("gs://loans/none.csv", "gs://loans/none.csv does not exist"),
        (f"gs://{FORBIDDEN}/a.csv", "cannot reach gs://secret/a.csv: .*check the name, the credentials"),
    ],
)
def test_a_source_that_is_not_there_is_named(source: str, text: str, tmp_path: Path) -> None:
    with pytest.raises(FairleadError, match=text):
        fetch(source, tmp_path)
