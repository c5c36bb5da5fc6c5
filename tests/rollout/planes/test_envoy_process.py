"""Envoy's files and command line."""

import subprocess
from pathlib import Path

import pytest

from components.core.errors import FairleadError
from components.rollout.planes import envoy_config as config
from components.rollout.planes.envoy_config import Proxy
from components.rollout.planes.envoy_process import binary, command, place, prepare, validate
from components.rollout.traffic import Traffic


def test_the_executable_is_envoy_itself() -> None:
    assert binary().read_bytes()[:2] != b"#!"
    said = subprocess.run([str(binary()), "--version"], capture_output=True, text=True, check=True).stdout
    assert "version:" in said


def test_a_restart_keeps_weights_and_servers(tmp_path: Path) -> None:
    proxy = Proxy(folder=tmp_path / "envoy", port=1, admin_port=2)
    prepare(proxy)
    place(proxy.routes, config.routes(Traffic(candidate=7), "v", proxy))
    place(proxy.endpoints("candidate"), config.endpoints("candidate", 9, "v"))
    kept = {path: path.read_bytes() for path in sorted(proxy.folder.iterdir())}
    prepare(proxy)
    assert {path: path.read_bytes() for path in sorted(proxy.folder.iterdir())} == kept


def test_the_command_names_the_files_and_keeps_to_one_process(tmp_path: Path) -> None:
    proxy = Proxy(folder=tmp_path, port=1, admin_port=2)
    line = command(proxy, workers=2)
    assert line[:5] == [str(binary()), "-c", str(tmp_path / "envoy.json"), "--concurrency", "2"]
    assert "--disable-hot-restart" in line


def test_what_envoy_refuses_is_told_in_its_words(tmp_path: Path) -> None:
    proxy = Proxy(folder=tmp_path, port=1, admin_port=2)
    prepare(proxy)
    fixed = config.bootstrap(proxy)
    fixed["static_resources"]["clusters"][0]["no_such_field"] = 1
    place(proxy.bootstrap, fixed)
    with pytest.raises(FairleadError, match="no_such_field"):
        validate(proxy)


def test_a_folder_too_deep_for_a_socket_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FairleadError, match="allowed: 107; take a shorter FAIRLEAD_HOME"):
        prepare(Proxy(folder=tmp_path / ("d" * 100), port=1))
