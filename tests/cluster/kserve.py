"""The real controller of KServe with its webhooks, as a process beside a control plane of our own.

Its definitions, roles and configuration are those that its Go module brings.
"""

import datetime
import ipaddress
import json
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.cluster.api_server import ControlPlane
from tests.cluster.processes import answers, free_ports, running, tail, until
from tests.cluster.programs import module_folder, program, version

NAMESPACE = "kserve"
READY_SECONDS = 240.0
GATEWAY_API = "sigs.k8s.io/gateway-api@v1.3.0"
WATCHED = (
    "gateway.networking.k8s.io_gatewayclasses",
    "gateway.networking.k8s.io_gateways",
    "gateway.networking.k8s.io_httproutes",
    "gateway.networking.k8s.io_referencegrants",
    "gateway.networking.k8s.io_grpcroutes",
)
STANDARD: Mapping[str, Mapping[str, Any]] = {
    "deploy": {"defaultDeploymentMode": "Standard"},
    "ingress": {
        "enableGatewayApi": True,
        "kserveIngressGateway": "models/fairlead",
        "ingressDomain": "example.com",
        "disableIstioVirtualHost": True,
    },
}
"""Configuration for Standard mode behind the Gateway API; sections of KServe's ConfigMap, laid over what it ships."""


def kserve_folder(minor: str | None = None) -> Path:
    """Return the folder of KServe's module.

    Args:
        minor: a version like 0.19.0; None is the one whose controller runs.
    """
    return module_folder(f"github.com/kserve/kserve@v{minor or version('kserve')}")


def definitions(minor: str | None = None) -> list[Path]:
    """Return the files with KServe's CustomResourceDefinitions."""
    full = kserve_folder(minor) / "config" / "crd" / "full"
    return [*sorted(full.glob("serving.kserve.io_*.yaml")), *sorted((full / "clusterstoragecontainer").glob("s*.yaml"))]


def gateway_definitions() -> list[Path]:
    """Return the files with the Gateway API's definitions of its standard channel."""
    folder = module_folder(GATEWAY_API) / "config" / "crd" / "standard"
    return [folder / f"{name}.yaml" for name in WATCHED]


@contextmanager
def kserve(
    plane: ControlPlane, configuration: Mapping[str, Mapping[str, Any]] = STANDARD, address: str = "127.0.0.1"
) -> Iterator[Path]:
    """Install KServe and run its controller; where the cluster has one already, that is taken.

    Args:
        plane: that has no webhooks of KServe's yet.
        configuration: laid over what KServe ships, section by section.
        address: at which the API server reaches the webhooks.

    Yields:
        The controller's log.
    """
    if plane.kubectl("-n", NAMESPACE, "get", "deploy", "kserve-controller-manager", check=False).startswith("NAME"):
        yield plane.folder / "kserve.log"
        return
    install(plane, configuration)
    log, port, metrics, probe = plane.folder / "kserve.log", *free_ports(3)
    certificate = _write_certificate(plane.folder / "k8s-webhook-server" / "serving-certs", address)
    command = [str(program("kserve-manager")), f"--webhook-port={port}", f"--metrics-addr=127.0.0.1:{metrics}"]
    environment = {
        "KUBECONFIG": str(_account(plane)),
        "POD_NAMESPACE": NAMESPACE,
        "TMPDIR": str(plane.folder),  # where its library looks for the certificate
        "GOMEMLIMIT": "300MiB",
    }
    with running() as start:
        start([*command, f"--health-probe-addr=127.0.0.1:{probe}"], log, environment)
        until(lambda: answers(f"http://127.0.0.1:{probe}/readyz"), READY_SECONDS, lambda: tail(log))
        plane.apply(webhooks(f"https://{address}:{port}", certificate))
        yield log


def install(plane: ControlPlane, configuration: Mapping[str, Mapping[str, Any]] = STANDARD) -> None:
    """Install definitions, roles and configuration."""
    files = [f"--filename={file}" for file in [*definitions(), *gateway_definitions()]]
    plane.kubectl("apply", "--server-side", *files, seconds=180)
    plane.wait_for_definitions()
    plane.kubectl("create", "namespace", NAMESPACE, check=False)
    roles = kserve_folder() / "config" / "rbac"
    names = ("service_account", "role", "role_binding")
    bound = [d for name in names for d in yaml.safe_load_all((roles / f"{name}.yaml").read_text(encoding="utf-8")) if d]
    plane.apply([_placed(document) for document in bound])
    plane.apply([config_map(configuration)])


def config_map(configuration: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return KServe's ConfigMap as it ships it, with sections changed."""
    file = kserve_folder() / "config" / "configmap" / "inferenceservice.yaml"
    document: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
    data = {name: text for name, text in document["data"].items() if name != "_example"}
    for section, changes in configuration.items():
        data[section] = json.dumps({**json.loads(data.get(section, "{}")), **changes})
    return {**document, "data": data}


def webhooks(url: str, certificate: bytes) -> list[dict[str, Any]]:
    """Return KServe's webhooks, reached at a URL in the place of a Service, for its InferenceServices and runtimes."""
    text = (kserve_folder() / "config" / "webhook" / "manifests.yaml").read_text(encoding="utf-8")
    documents = [d for d in yaml.safe_load_all(text) if d]
    for document in documents:
        document["metadata"].pop("creationTimestamp", None)
        for hook in document["webhooks"]:
            path = hook["clientConfig"].pop("service")["path"]
            hook["clientConfig"] |= {"url": f"{url}{path}", "caBundle": b64encode(certificate).decode()}
    return documents


def _placed(document: dict[str, Any]) -> dict[str, Any]:
    """Put what its overlays would put into a namespace there."""
    if document["kind"] == "ServiceAccount":
        document["metadata"]["namespace"] = NAMESPACE
    for subject in document.get("subjects", []):
        subject["namespace"] = NAMESPACE
    return document


def _account(plane: ControlPlane) -> Path:
    """Return a kubeconfig of the controller's own account, so that its roles are tried too."""
    words = ["-n", NAMESPACE, "create", "token", "kserve-controller-manager", "--duration=12h"]
    return plane.token_kubeconfig("kserve-controller-manager", plane.kubectl(*words).strip())


def _write_certificate(folder: Path, address: str) -> bytes:
    folder.mkdir(parents=True, exist_ok=True)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kserve-webhook-server")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = made.public_bytes(serialization.Encoding.PEM)
    (folder / "tls.crt").write_bytes(pem)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "tls.key").write_bytes(private)
    (folder / "tls.key").chmod(0o600)
    return pem
