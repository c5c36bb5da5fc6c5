"""The network of a node on this machine: an address for the node, one for each pod, and nothing beyond them."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

BRIDGE = "fairlead-node"
"""Interface that bears the node's address, and the table of nftables that fences pods in."""
ADDRESS = "10.222.0.1"
"""Of the node: where pods reach what runs beside them on this machine."""
PODS = "10.244.0.0/24"
SERVICES = "10.96.0.0/16"
FORWARD = Path("/proc/sys/net/ipv4/ip_forward")
PLUGINS = Path("/usr/lib/cni")

FENCE = f"""
table ip {BRIDGE} {{
  chain forward {{
    type filter hook forward priority -10; policy accept;
    ip saddr {PODS} ip daddr != {PODS} reject
    ip daddr {PODS} ip saddr != {PODS} drop
  }}
  chain input {{
    type filter hook input priority -10; policy accept;
    ip daddr {ADDRESS} ip saddr != {{ {PODS}, {ADDRESS} }} iifname != "lo" drop
  }}
}}
"""
"""Pods reach each other and the node; nobody else reaches them, and they reach nobody else."""


@contextmanager
def network(folder: Path) -> Iterator[Path]:
    """Give the node its address; yields the folder of CNI's configuration.

    Each pod hangs on a link of its own, so that requests between two of them pass the rules of Services.

    Args:
        folder: an empty one.
    """
    clear()
    forwarded = FORWARD.read_text()
    configuration = folder / "cni"
    configuration.mkdir()
    ipam = {"type": "host-local", "dataDir": str(folder / "addresses"), "ranges": [[{"subnet": PODS}]]}
    plugin = {"type": "ptp", "ipMasq": False, "ipam": {**ipam, "routes": [{"dst": "0.0.0.0/0"}]}}
    document = {"cniVersion": "1.0.0", "name": BRIDGE, "plugins": [plugin]}
    (configuration / "10-pods.conflist").write_text(json.dumps(document), encoding="utf-8")
    try:
        _run("ip", "link", "add", BRIDGE, "type", "bridge")
        _run("ip", "address", "add", f"{ADDRESS}/32", "dev", BRIDGE)
        _run("ip", "link", "set", BRIDGE, "up")
        # Requests from this machine to a Service need some route, or they fail before its rules are asked.
        _run("ip", "route", "add", SERVICES, "dev", BRIDGE, "src", ADDRESS)
        _run("nft", "-f", "-", stdin=FENCE)
        FORWARD.write_text("1")
        yield configuration
    finally:
        clear()
        FORWARD.write_text(forwarded)


def clear() -> None:
    """Take away what a node left, kube-proxy's rules with it; does nothing where there is nothing."""
    with suppress(subprocess.CalledProcessError):
        _run("ip", "link", "delete", BRIDGE)
    for family, table in (("ip", BRIDGE), ("ip", "kube-proxy"), ("ip6", "kube-proxy")):
        with suppress(subprocess.CalledProcessError):
            _run("nft", "delete", "table", family, table)


def _run(*command: str, stdin: str = "") -> None:
    subprocess.run(command, input=stdin, text=True, capture_output=True, check=True, timeout=30)
