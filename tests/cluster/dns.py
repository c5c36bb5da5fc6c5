"""Names of a cluster, answered by a real CoreDNS that runs beside the node."""

from pathlib import Path

from tests.cluster.network import ADDRESS
from tests.cluster.programs import program

USER = "system:serviceaccount:kube-system:coredns"
DOMAIN = "cluster.local"

COREFILE = """
.:53 {{
  bind {address}
  errors
  ready 127.0.0.1:{ready}
  kubernetes {domain} in-addr.arpa {{
    kubeconfig {kubeconfig}
    fallthrough in-addr.arpa
  }}
}}
"""

RULES = [
    {"apiGroups": [""], "resources": ["services", "namespaces", "pods"], "verbs": ["list", "watch"]},
    {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["list", "watch"]},
]
"""What it reads."""


def rights() -> list[dict[str, object]]:
    """Return the objects that let it read."""
    kind, api = "ClusterRole", "rbac.authorization.k8s.io"
    metadata = {"name": "fairlead-test-dns"}
    role = {"apiVersion": f"{api}/v1", "kind": kind, "metadata": metadata, "rules": RULES}
    bound = {
        "apiVersion": f"{api}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": metadata,
        "roleRef": {"apiGroup": api, "kind": kind, "name": metadata["name"]},
        "subjects": [{"apiGroup": api, "kind": "User", "name": USER}],
    }
    return [role, bound]


def command(folder: Path, kubeconfig: Path, ready: int) -> list[str]:
    """Write CoreDNS' configuration and return what starts it.

    Args:
        folder: for the configuration.
        kubeconfig: of ``USER``.
        ready: port of loopback where it says that it is.
    """
    file = folder / "Corefile"
    text = COREFILE.format(address=ADDRESS, ready=ready, domain=DOMAIN, kubeconfig=kubeconfig)
    file.write_text(text, encoding="utf-8")
    return [str(program("coredns")), "-conf", str(file)]
