import hashlib
import os
import signal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.core.artifacts import (
    code_fingerprint,
    files_below,
    hash_file,
    hash_files,
    one_at_a_time,
    whole_directory,
    whole_file,
    write_whole,
)


@given(st.binary(max_size=100))
def test_a_file_hash_is_the_sha256_of_its_bytes(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "hashed"
    path.write_bytes(content)
    assert hash_file(path) == hashlib.sha256(content).hexdigest()


def test_a_hash_of_files_knows_names_and_bytes_but_not_the_order_or_the_root(tmp_path):
    for root in ("one", "two"):
        (tmp_path / root / "sub").mkdir(parents=True)
        (tmp_path / root / "a").write_text("1")
        (tmp_path / root / "sub" / "b").write_text("2")
    one, two = (files_below(tmp_path / root) for root in ("one", "two"))
    same = hash_files(one, tmp_path / "one")
    assert hash_files(reversed(two), tmp_path / "two") == same
    (tmp_path / "two" / "a").rename(tmp_path / "two" / "c")
    assert hash_files(files_below(tmp_path / "two"), tmp_path / "two") != same


def test_byte_code_is_no_file_of_ours(tmp_path):
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "a.pyc").write_bytes(b"x")
    (tmp_path / "a.py").write_text("")
    assert [p.name for p in files_below(tmp_path)] == ["a.py"]


def test_the_code_fingerprint_is_of_the_packages_named():
    assert code_fingerprint("core") == code_fingerprint("core")
    assert len({code_fingerprint("core"), code_fingerprint("features"), code_fingerprint("core", "features")}) == 3


def test_a_directory_appears_whole(tmp_path):
    target = tmp_path / "deep" / "target"
    with whole_directory(target) as scratch:
        (scratch / "a").write_text("1")
        assert not target.exists()
    assert (target / "a").read_text() == "1"
    assert [p.name for p in target.parent.iterdir()] == ["target"]


def test_a_directory_that_is_there_is_kept(tmp_path):
    for content in ("old", "new"):
        with whole_directory(tmp_path / "target") as scratch:
            (scratch / "a").write_text(content)
    assert (tmp_path / "target" / "a").read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["target"]


def test_an_error_in_the_middle_leaves_no_directory(tmp_path):
    def write():
        with whole_directory(tmp_path / "target") as scratch:
            (scratch / "a").write_text("1")
            raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        write()
    assert list(tmp_path.iterdir()) == []


def test_a_target_that_cannot_be_made_is_an_error(tmp_path):
    (tmp_path / "target").write_text("a file")
    with pytest.raises(OSError, match="target"), whole_directory(tmp_path / "target") as scratch:
        (scratch / "a").write_text("1")


def test_a_file_is_written_whole_or_not_at_all(tmp_path):
    path = tmp_path / "deep" / "file"
    write_whole(path, b"old")

    def write_half():
        with whole_file(path) as scratch:
            scratch.write_bytes(b"ne")
            raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        write_half()
    assert path.read_bytes() == b"old"
    write_whole(path, b"new")
    assert path.read_bytes() == b"new"
    assert [p.name for p in path.parent.iterdir()] == ["file"]


def test_a_process_killed_in_the_middle_leaves_neither_file_nor_directory(tmp_path):
    pid = os.fork()
    if pid == 0:
        with whole_directory(tmp_path / "folder") as a, whole_file(tmp_path / "file") as b:
            (a / "x").write_text("1")
            b.write_text("1")
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(pid, 0)
    assert not (tmp_path / "folder").exists()
    assert not (tmp_path / "file").exists()
    write_whole(tmp_path / "file", b"1")


def _count(path, times):
    for _ in range(times):
        with one_at_a_time(path.with_name("lock")):
            path.write_text(str(int(path.read_text()) + 1))


def test_one_process_at_a_time_is_in_the_block(tmp_path):
    path = tmp_path / "counter"
    path.write_text("0")
    pids = []
    for _ in range(4):
        pid = os.fork()
        if pid == 0:
            _count(path, 50)
            os._exit(0)
        pids.append(pid)
    assert [os.waitpid(pid, 0)[1] for pid in pids] == [0] * 4
    assert path.read_text() == "200"


def test_a_lock_goes_with_the_process_that_held_it(tmp_path):
    pid = os.fork()
    if pid == 0:
        with one_at_a_time(tmp_path / "lock"):
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(pid, 0)
    with one_at_a_time(tmp_path / "lock"):
        pass
