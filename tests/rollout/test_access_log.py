"""Reading the log on while it is written, and what counts as whose failure."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.rollout.access_log import Record, parse, read

LINE = {
    "at": "1795245270.019224",
    "request_id": "a-1",
    "method": "POST",
    "path": "/v2/models/sba_loans/infer?x=1",
    "chosen": "candidate",
    "answered": "candidate",
    "candidate": 30,
    "mirror": "",
    "status": 200,
    "flags": "-",
    "details": "via_upstream",
    "duration_us": 2500,
    "attempts": 1,
    "bytes_in": 10,
    "bytes_out": 20,
    "server": "candidate",
}


def record(**changes: object) -> Record:
    found = parse(json.dumps(LINE | changes))
    assert found is not None
    return found


def test_a_line_reads_as_what_it_says() -> None:
    assert record() == Record(
        at=1795245270.019224,
        request_id="a-1",
        method="POST",
        path="/v2/models/sba_loans/infer?x=1",
        chosen="candidate",
        answered="candidate",
        share=30,
        mirror=None,
        status=200,
        flags="-",
        details="via_upstream",
        duration_ms=2.5,
        attempts=1,
        bytes_in=10,
        bytes_out=20,
        server="candidate",
    )


@pytest.mark.parametrize(
    ("changes", "failed", "seen"),
    [
        ({}, False, False),
        ({"status": 422}, False, False),
        ({"status": 500}, True, True),
        ({"attempts": 2, "answered": "stable"}, True, False),
        ({"answered": "stable"}, True, False),
        ({"answered": None, "status": 503, "flags": "UF"}, True, True),
        ({"answered": None, "status": 0, "flags": "DC", "duration_us": None}, False, False),
        ({"chosen": None, "answered": None, "status": 503, "candidate": None}, True, True),
    ],
)
def test_whose_failure_it_is(changes: dict[str, object], failed: bool, seen: bool) -> None:
    assert (record(**changes).failed, record(**changes).seen_to_fail) == (failed, seen)


@pytest.mark.parametrize(
    ("method", "path", "inference"),
    [
        ("POST", "/v2/models/m/infer", True),
        ("POST", "/v2/models/m/infer?a=/b", True),
        ("POST", "/v1/models/m:predict", True),
        ("GET", "/v2/health/ready", False),
        ("GET", "/v2/models/m/infer", False),
    ],
)
def test_which_requests_asked_a_model(method: str, path: str, inference: bool) -> None:
    assert record(method=method, path=path).inference is inference


@given(st.text())
def test_no_line_is_an_error(line: str) -> None:
    assert parse(line) is None or isinstance(parse(line), Record)


@given(st.integers(0, 700))
def test_every_line_is_read_once_however_the_writing_is_cut(cut: int) -> None:
    lines = "".join(json.dumps(LINE | {"request_id": str(n)}) + "\n" for n in range(4)).encode()
    cut = min(cut * 2, len(lines))
    ids, position, written = [], 0, b""
    for part in (lines[:cut], lines[cut:]):
        written += part
        found, position = _read(written, position)
        ids += [r.request_id for r in found]
    assert ids == ["0", "1", "2", "3"]
    assert position == len(lines)


def _read(written: bytes, position: int) -> tuple[list[Record], int]:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "access.jsonl"
        path.write_bytes(written)
        return read(path, position)


def test_no_file_is_empty_and_a_shorter_one_is_begun_anew(tmp_path: Path) -> None:
    path = tmp_path / "access.jsonl"
    assert read(path, 100) == ([], 0)
    path.write_text((json.dumps(LINE) + "\n") * 3)
    records, position = read(path)
    assert (len(records), position) == (3, path.stat().st_size)
    path.write_text(json.dumps(LINE) + "\n" + "not ours\n")
    records, position = read(path, position)
    assert (len(records), position) == (1, path.stat().st_size)
