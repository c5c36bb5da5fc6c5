import shutil
import subprocess
import urllib.request
from datetime import UTC, datetime

import pytest
from prometheus_client.parser import text_string_to_metric_families

from components.core.errors import FairleadError
from components.monitoring.alerts.book import AlertBook
from components.monitoring.exported import Looked
from components.monitoring.exporter import Exporter, serve
from tests.monitoring import exposed
from tests.monitoring.alerts.looks import AT_ONCE, call, day, findings

ENDED = datetime(2026, 3, 1, 9, tzinfo=UTC)


def values(text, name):
    families = text_string_to_metric_families(text.decode())
    return {s.labels["model"]: s.value for f in families for s in f.samples if s.name == name}


@pytest.fixture
def exporter(tmp_path):
    book = AlertBook(tmp_path / "alerts.db")
    book.observe(findings(call()), AT_ONCE)
    made = Exporter(book.store, ["webhook"])
    made.show(Looked(findings(), ENDED, 1.0))
    return made


def test_the_page_has_the_last_look_at_each_model_and_the_book_as_it_stands(exporter):
    with serve(exporter, 0) as url:
        exporter.show(Looked(findings(now=day(1)), ENDED, 2.0))
        exporter.show(Looked(findings(model="card"), ENDED, 3.0))
        with urllib.request.urlopen(url) as answer:  # noqa: S310
            assert answer.headers["content-type"].startswith("text/plain")
            text = answer.read()
    assert url.startswith("http://127.0.0.1:")
    assert values(text, "fairlead_look_duration_seconds") == {"sba_loans": 2.0, "card": 3.0}
    assert values(text, "fairlead_alert_level") == {"sba_loans": 2}


def test_it_shows_nothing_before_there_was_a_look():
    assert Exporter().text() == b""


def test_a_port_that_is_taken_is_named(exporter):
    with serve(exporter, 0) as url:
        port = int(url.split(":")[2].split("/")[0])
        with pytest.raises(FairleadError, match=f"127.0.0.1:{port}: .*give another port"), serve(exporter, port):
            pass


def test_the_file_is_what_the_page_is_and_is_replaced_as_a_whole(exporter, tmp_path):
    path = tmp_path / "textfile" / "fairlead.prom"
    exporter.write(path)
    exporter.write(path)
    assert path.read_bytes() == exporter.text()
    assert [p.name for p in path.parent.iterdir()] == ["fairlead.prom"]
    with pytest.raises(FairleadError, match=r"in \.prom alone"):
        exporter.write(tmp_path / "fairlead.txt")


def test_prometheus_itself_finds_nothing_to_blame(tmp_path):
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not on the PATH: apt-get install prometheus")
    done = subprocess.run([promtool, "check", "metrics"], input=exposed.exporter(tmp_path).text(), capture_output=True)
    assert (done.returncode, done.stdout + done.stderr) == (0, b"")
