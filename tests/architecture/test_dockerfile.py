"""The images: one target for each, unprivileged, from the locks, with nothing of the build left inside."""

import json
import re
from pathlib import Path

import pytest

from components.images import images
from pipelines.environments import GROUPS

ROOT = Path(__file__).parents[2]

Stages = dict[str, list[tuple[str, str]]]


def parse(text: str) -> Stages:
    """Return stage → its instructions as (name, rest); ``FROM`` comes first."""
    stages: Stages = {}
    lines = re.sub(r"^\s*#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", " ").splitlines()
    for line in filter(str.strip, lines):
        name, _, rest = line.strip().partition(" ")
        if name == "FROM":
            source, _, stage = rest.partition(" AS ")
            stages[stage] = [("FROM", source)]
        elif stages:
            stages[list(stages)[-1]].append((name, " ".join(rest.split())))
    return stages


def faults(stages: Stages) -> list[str]:
    """List what is wrong with the final stages: who runs them, and how they were installed."""
    found = []
    for target, instructions in stages.items():
        users = [rest for name, rest in instructions if name == "USER"]
        if target in images and not (users and re.fullmatch(r"[1-9]\d*(:[1-9]\d*)?", users[-1])):
            found.append(f"{target} runs as {users[-1] if users else 'root'}, not as a number other than 0")
        if target in images and any(name == "RUN" for name, _ in instructions):
            found.append(f"{target} installs something itself")
        for name, rest in instructions:
            # Debian's packages are signed, and no final stage may run anything.
            packages = rest.replace("apt-get install -y --no-install-recommends", "")
            if name == "RUN" and "install" in packages and "--require-hashes" not in rest and "--no-deps" not in rest:
                found.append(f"{target} installs without hashes: {rest[:80]}")
            if name == "ADD" or (name == "RUN" and re.search(r"\b(curl|wget)\b", rest)):
                found.append(f"{target} fetches from a network address: {rest[:80]}")
            if name == "COPY" and rest.split()[0] in {".", "./"}:
                found.append(f"{target} copies the whole tree")
    return found


@pytest.fixture(scope="module")
def stages() -> Stages:
    return parse((ROOT / "components" / "Dockerfile").read_text(encoding="utf-8"))


def test_every_image_has_a_target(stages: Stages) -> None:
    used = {rest for instructions in stages.values() for name, rest in instructions if name == "FROM"}
    copied = {m for i in stages.values() for _, rest in i for m in re.findall(r"--from=(\S+)", rest)}
    finals = set(stages) - (used | copied)
    assert finals | {"platform"} == set(images)
    assert copied <= set(stages)


def test_the_images_are_sound(stages: Stages) -> None:
    assert faults(stages) == []


@pytest.mark.parametrize("group", GROUPS)
def test_an_image_holds_the_environment_of_its_group(stages: Stages, group: str) -> None:
    installs = [rest for name, rest in stages[f"environment-{group}"] if name == "RUN"]
    assert [re.findall(r"-r requirements/(\w+)\.txt", rest) for rest in installs] == [[group]]
    assert any(f"--from=environment-{group} " in rest for _, rest in stages[group])


def test_the_server_starts_and_the_others_wait_for_a_step(stages: Stages) -> None:
    starts = {target: rest for target in images for name, rest in stages[target] if name in {"ENTRYPOINT", "CMD"}}
    assert list(starts) == ["serving"]
    command = json.loads(starts["serving"])
    assert command[:3] == ["python", "-m", "components.serving"]
    # The loopback default is for a machine with people on it; nobody reaches a container there.
    options = dict(zip(command[3::2], command[4::2], strict=True))
    assert options == {"--host": "0.0.0.0", "--http-port": "8080", "--grpc-port": "8081"}  # noqa: S104
    assert ("EXPOSE", "8080 8081") in stages["serving"]


@pytest.mark.parametrize(
    "text",
    [
        "FROM x AS tfdv\nUSER root\n",
        "FROM x AS tfdv\nUSER 0:0\n",
        "FROM x AS tfdv\nCOPY a b\n",
        "FROM x AS build\nRUN pip install \\\n  requests\n",
        "FROM x AS build\nADD https://a.example/x /x\n",
        "FROM x AS build\nCOPY . /app\n",
        "FROM x AS explain\nUSER 7:7\nRUN echo\n",
    ],
)
def test_a_bad_image_is_found(text: str) -> None:
    assert len(faults(parse(text))) == 1
