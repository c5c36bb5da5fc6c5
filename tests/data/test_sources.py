import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

import boto3
import pytest
from moto.server import ThreadedMotoServer

from components.core.errors import FairleadError
from components.data.sources import SAMPLES, fetch

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


class _Storage(BaseHTTPRequestHandler):
    """The two answers of the Cloud Storage JSON API that a download needs: the bytes, and that there are none."""

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        found = path == "/download/storage/v1/b/loans/o/raw/2003 q1/table.csv"
        denied = "/b/secret/" in path
        self.send_response(200 if found else 403 if denied else 404)
        body = CONTENT if found else b"no"
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Keep the test's output clean."""


@pytest.fixture
def gs(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Storage) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://127.0.0.1:{server.server_port}")
        yield
        server.shutdown()


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
        ("s3://loans/none.csv", "source s3://loans/none.csv does not exist"),
        ("s3://no-bucket/none.csv", "source s3://no-bucket/none.csv does not exist"),
        ("gs://loans/none.csv", "source gs://loans/none.csv does not exist"),
        ("gs://secret/a.csv", "source gs://secret/a.csv cannot be read .*check the name, the rights"),
    ],
)
def test_a_source_that_is_not_there_is_named(source: str, text: str, tmp_path: Path) -> None:
    with pytest.raises(FairleadError, match=text):
        fetch(source, tmp_path)
