"""The tree speaks of the project alone: no machine's paths, no package host, no private key."""

import re

import pytest

# Put together from parts, so that this file does not find itself.
HOSTS = re.compile(
    "|".join(["pypi" + r"\.org", "python" + r"hosted\.", "arti" + "factory", r"\bjfrog" + r"\b", "simple" + "/?['\"]$"])
)
MACHINE = "|".join(["work", "root", "home/[a-z]+", "Users", "tmp"])
PATHS = re.compile(rf"(?<![\w.}})/-])/(?:{MACHINE})\b")
KEYS = re.compile("-----BEGIN " + "[A-Z ]*PRIVATE KEY")

WRITABLE = re.compile(r"\bmountPath: /tmp\b|\bHOME\b.*/tmp\b|--\S+[ =,]+/tmp\b")
"""In a container whose root is read-only, the one place that can be written."""
machine_path_allowed = dict.fromkeys(
    [
        "components/Dockerfile",
        "manifests/redis/redis.conf",
        "manifests/redis/server.yaml",
        "tests/images/container.py",
        "tests/images/test_serving_image.py",
    ],
    "it is a path inside a container",
)


def faults(name: str, text: str) -> list[str]:
    """List the lines of a file that name a machine path or a package host, or hold a private key."""
    found = []
    for number, line in enumerate(text.splitlines(), start=1):
        if HOSTS.search(line):
            found.append(f"{name}:{number} names a package host: {line.strip()[:100]}")
        if KEYS.search(line):
            found.append(f"{name}:{number} holds a private key")
        in_container = name.endswith(".yaml") and WRITABLE.search(line)
        if PATHS.search(line) and name not in machine_path_allowed and not in_container:
            found.append(f"{name}:{number} names a path of one machine: {line.strip()[:100]}")
    return found


def test_no_machine_and_no_host_is_named(texts: dict[str, str]) -> None:
    here = "tests/architecture/test_text.py"
    assert [line for name, text in texts.items() if name != here for line in faults(name, text)] == []


@pytest.mark.parametrize(
    "line",
    [
        "open('/Users/me/x')",
        "cd /root && ls",
        "path: /home/me/data",
        "export DIR=/tmp/scratch",
        "index-url = https://pypi" + ".org/simple",
        "--find-links https://files.python" + "hosted.org/x",
        "-----BEGIN " + "PRIVATE KEY-----",
    ],
)
def test_a_wrong_line_is_found(line: str) -> None:
    assert len(faults("a.txt", line)) == 1


@pytest.mark.parametrize(
    "line",
    [
        "the work is done",
        "$(HOME)/tmp",
        "gs://bucket/work/x",
        "{root}/work",
        "/opt/fairlead",
        "a/tmp/b",
        "sqlite:///x",
        "/v2/models",
    ],
)
def test_a_right_line_is_left_alone(line: str) -> None:
    assert faults("a.txt", line) == []
