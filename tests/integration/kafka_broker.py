"""A real Apache Kafka broker on loopback: fetched once from its Maven artifacts, run in KRaft mode, always ended."""

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

VERSION = "4.1.0"
CLUSTER = "4L6g3nShT-eMCtK--X86sw"
"""Any 16 bytes in base64: which cluster a data directory belongs to."""

# slf4j-simple, so that the broker's complaints reach its output.
POM = f"""<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>fairlead</groupId><artifactId>kafka-broker</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>{VERSION}</version></dependency>
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version></dependency>
  </dependencies>
</project>
"""
PROPERTIES = """
process.roles=broker,controller
node.id=1
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
controller.quorum.bootstrap.servers=127.0.0.1:{controller}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={data}
num.partitions=3
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
"""


@dataclass
class Broker:
    """A broker that can be killed and started again on the same data.

    Args:
        address: ``HOST:PORT``.
        folder: its settings, data and output.
        classpath: for java.
    """

    address: str
    folder: Path
    classpath: str
    process: "subprocess.Popen[bytes] | None" = None

    def start(self) -> None:
        """Start it and wait until it takes connections."""
        command = ["java", "-Xmx256m", "-cp", self.classpath, "kafka.Kafka", str(self.folder / "server.properties")]
        with (self.folder / "broker.log").open("ab") as output:
            self.process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        host, port = self.address.split(":")
        end = time.monotonic() + 60
        while time.monotonic() < end:
            assert self.process.poll() is None, (self.folder / "broker.log").read_text()[-3000:]
            try:
                socket.create_connection((host, int(port)), timeout=1).close()
                return
            except OSError:
                time.sleep(0.05)
        raise AssertionError("the broker is not up: " + (self.folder / "broker.log").read_text()[-3000:])

    def kill(self) -> None:
        """End it at once, as a crash would."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(30)
            self.process = None


def missing() -> str:
    """Say what is missing to run a broker; empty when nothing is."""
    absent = [name for name in ("java", "mvn") if shutil.which(name) is None]
    return f"{' and '.join(absent)} not installed; Apache Kafka needs Java 17 and is fetched by Maven" if absent else ""


def jars(home: Path) -> Path:
    """Return the directory of the broker's jars (43 MB), fetched on the first call."""
    target = home / "kafka" / VERSION
    if not target.exists():
        draft = target.with_name(f"{VERSION}.draft")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        (draft / "pom.xml").write_text(POM)
        command = ["mvn", "-q", "-B", "dependency:copy-dependencies", "-DincludeScope=runtime"]
        subprocess.run([*command, f"-DoutputDirectory={draft.absolute()}"], cwd=draft, check=True, timeout=600)
        draft.rename(target)
    return target


@contextmanager
def running(folder: Path, home: Path, port: int, controller: int) -> Iterator[Broker]:
    """Run a broker with empty topics for as long as the block lasts."""
    classpath = f"{jars(home).absolute()}/*"
    settings = folder / "server.properties"
    settings.write_text(PROPERTIES.format(port=port, controller=controller, data=folder / "data"))
    tool = ["java", "-cp", classpath, "kafka.tools.StorageTool", "format", "--standalone", "-t", CLUSTER]
    subprocess.run([*tool, "-c", str(settings)], check=True, capture_output=True, timeout=60)
    broker = Broker(f"127.0.0.1:{port}", folder, classpath)
    try:
        broker.start()
        yield broker
    finally:
        broker.kill()
