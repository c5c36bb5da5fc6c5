"""Envoy's configuration as a value: a fixed part, and the parts that are replaced while requests run.

What changes (routes and endpoints) are files of their own that Envoy watches and takes as a whole, so that one request
sees either the old weights or the new ones, an Envoy that was restarted comes back with the weights it had, and the
weight that was in force stands in the route itself, from where each request's line in the access log takes it.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from components.rollout.access_log import METADATA, log_format
from components.rollout.traffic import VARIANTS, Traffic, Variant

Json = dict[str, Any]

HOST = "127.0.0.1"
WITH_FALLBACK = "candidate_or_stable"
"""The cluster that the candidate's share goes to: the candidate while it can answer, else the stable model."""
CHOSEN = "x-fairlead-chosen"
"""Header in which Envoy notes for whom a request was drawn; what a client sends in it is dropped."""

MIRRORED = "x-fairlead-mirrored"
"""Header by which a server knows a copy; what a client sends in it is dropped."""

_LIMITS = {
    "thresholds": [
        {"max_connections": 10_000, "max_pending_requests": 10_000, "max_requests": 10_000, "max_retries": 1_000}
    ]
}
# Envoy's own limits are lower: 3 retries at a time would let most requests of a dead candidate fail.

_TYPE = "type.googleapis.com/"
_EXTENSION = f"{_TYPE}envoy.extensions."


class Proxy(BaseModel):
    """What of the proxy stays the same as long as it runs."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    folder: Path
    """Where its files are."""
    port: int
    """Port that takes the requests, on loopback."""
    admin_port: int | None = None
    """Port of the admin interface, on loopback, for any user of this machine; None keeps it to ``admin_socket``."""
    host: str = HOST
    """Address that takes the requests; the admin interface is on loopback whatever this says."""
    sticky_header: str | None = None
    """Requests with the same value of this header go to the same variant while weights stay."""
    salt: str = ""
    """Mixed into the sticky header's value, so that another rollout draws other keys."""
    health_path: str = "/v2/health/ready"
    health_seconds: float = Field(default=0.5, gt=0)
    """Time between two health checks."""
    timeout_seconds: float = Field(default=30.0, gt=0)
    """Longest time for one request, tries included."""
    try_seconds: float = Field(default=10.0, gt=0)
    """Longest time for one try; a candidate that hangs costs so much, and the stable model answers then."""

    @property
    def admin_socket(self) -> Path:
        """The admin interface as a socket that its owner alone may use: whoever reaches it can stop the proxy."""
        return self.folder / "admin.sock"

    @property
    def bootstrap(self) -> Path:
        """The fixed part."""
        return self.folder / "envoy.json"

    @property
    def routes(self) -> Path:
        """The routes: weights and mirror."""
        return self.folder / "routes.json"

    @property
    def access_log(self) -> Path:
        """One line of JSON for each request."""
        return self.folder / "access.jsonl"

    def endpoints(self, variant: Variant) -> Path:
        """Where a variant's server is."""
        return self.folder / f"{variant}.json"


def bootstrap(proxy: Proxy) -> Json:
    """Make the fixed part: listener, clusters, admin interface.

    Args:
        proxy: ports, files and times.
    """
    return {
        "node": {"id": "fairlead", "cluster": "fairlead"},
        "admin": {"address": _admin(proxy)},
        "static_resources": {
            "listeners": [_listener(proxy)],
            "clusters": [*(_cluster(proxy, variant) for variant in VARIANTS), _fallback()],
        },
    }


def routes(traffic: Traffic, version: str, proxy: Proxy) -> Json:
    """Make the part that says who answers what.

    Args:
        traffic: weights and mirror.
        version: Envoy reports it back when the part is in force.
        proxy: the sticky header and the times.
    """
    route: Json = {
        "weighted_clusters": {"clusters": [_share("candidate", traffic.candidate), _share("stable", traffic.stable)]},
        "timeout": _seconds(proxy.timeout_seconds),
        "retry_policy": _retries(proxy),
    }
    if proxy.sticky_header:
        # The candidate comes first, so that a key whose hash is below its weight stays below every higher weight.
        route["weighted_clusters"]["use_hash_policy"] = True
        route["hash_policy"] = [_hash(proxy.sticky_header, proxy.salt)]
    if traffic.mirror:
        route["request_mirror_policies"] = [_mirror(traffic.mirror)]
    notes = {"candidate": traffic.candidate, "mirror": traffic.mirror or "", "version": version}
    everything = {
        "match": {"prefix": "/"},
        "route": route,
        "metadata": {"filter_metadata": {METADATA: notes}},
        "request_headers_to_remove": [MIRRORED],
    }
    host = {"name": "all", "domains": ["*"], "routes": [everything]}
    config = {"@type": f"{_TYPE}envoy.config.route.v3.RouteConfiguration", "name": "traffic", "virtual_hosts": [host]}
    return {"version_info": version, "resources": [config]}


def endpoints(variant: Variant, port: int | None, version: str, came_from: str = "") -> Json:
    """Make the part that says where a variant's server is.

    Args:
        variant: whose.
        port: of its server on loopback; None when there is none.
        version: Envoy reports it back when the part is in force.
        came_from: which variant the server was before; empty for the same.
    """
    notes = {"variant": variant, "came_from": came_from or variant}
    host = {
        "endpoint": {"address": _address(HOST, port or 0)},
        "metadata": {"filter_metadata": {METADATA: notes}},
    }
    assignment = {
        "@type": f"{_TYPE}envoy.config.endpoint.v3.ClusterLoadAssignment",
        "cluster_name": variant,
        "endpoints": [{"lb_endpoints": [host]}] if port else [],
    }
    return {"version_info": version, "resources": [assignment]}


def traffic_in(route_config: Mapping[str, Any]) -> Traffic | None:
    """Read the traffic out of a route configuration as Envoy reports it; None when it is not one of ours."""
    try:
        route = route_config["virtual_hosts"][0]["routes"][0]["route"]
        shares = {c["name"]: int(c.get("weight", 0)) for c in route["weighted_clusters"]["clusters"]}
        mirror = [m["cluster"] for m in route.get("request_mirror_policies", [])]
        if len(mirror) > 1 or sum(shares.values()) != 100:
            return None
        return Traffic(candidate=shares[WITH_FALLBACK], mirror=mirror[0] if mirror else None)
    except (KeyError, IndexError, TypeError, ValueError):
        return None


def port_in(part: Mapping[str, Any]) -> int | None:
    """Read the server's port out of a part made by ``endpoints``; None when there is no server."""
    host = _host_in(part)
    return int(host["endpoint"]["address"]["socket_address"]["port_value"]) if host else None


def notes_in(part: Mapping[str, Any]) -> dict[str, str]:
    """Read what is noted of the server out of a part made by ``endpoints``."""
    host = _host_in(part)
    return dict(host["metadata"]["filter_metadata"][METADATA]) if host else {}


def text(part: Json) -> str:
    """Write a part as the text of its file."""
    return json.dumps(part, indent=1) + "\n"


def _host_in(part: Mapping[str, Any]) -> Json | None:
    localities = part["resources"][0]["endpoints"]
    return dict(localities[0]["lb_endpoints"][0]) if localities else None


def _listener(proxy: Proxy) -> Json:
    manager = {
        "@type": f"{_EXTENSION}filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "traffic",
        "rds": {"route_config_name": "traffic", "config_source": _file(proxy.routes)},
        # The id joins the answers of both variants to one request: a client's own is kept, and told back.
        "generate_request_id": True,
        "preserve_external_request_id": True,
        "always_set_request_id_in_response": True,
        "request_id_extension": {
            "typed_config": {
                "@type": f"{_EXTENSION}request_id.uuid.v3.UuidRequestIdConfig",
                "pack_trace_reason": False,
            }
        },
        "use_remote_address": True,
        "access_log": [
            {
                "name": "envoy.access_loggers.file",
                "typed_config": {
                    "@type": f"{_EXTENSION}access_loggers.file.v3.FileAccessLog",
                    "path": str(proxy.access_log),
                    "log_format": {"json_format": log_format(proxy.sticky_header)},
                },
            }
        ],
        "http_filters": [
            {
                "name": "envoy.filters.http.router",
                "typed_config": {"@type": f"{_EXTENSION}filters.http.router.v3.Router"},
            }
        ],
    }
    chain = {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}
    return {"name": "traffic", "address": _address(proxy.host, proxy.port), "filter_chains": [chain]}


def _cluster(proxy: Proxy, variant: Variant) -> Json:
    every = _seconds(proxy.health_seconds)
    return {
        "name": variant,
        "type": "EDS",
        "eds_cluster_config": {"eds_config": _file(proxy.endpoints(variant))},
        "connect_timeout": "1s",
        # Without this a server that was taken out goes on being used for as long as it answers health checks.
        "ignore_health_on_host_removal": True,
        "circuit_breakers": _LIMITS,
        # A stable model that fails its health checks is tried all the same: there is nobody else. A candidate is not.
        "common_lb_config": {
            "healthy_panic_threshold": {"value": 50.0 if variant == "stable" else 0.0},
            # Else Envoy gathers changes of health for a second, and fails what comes meanwhile.
            "update_merge_window": "0s",
        },
        "health_checks": [
            {
                "timeout": "1s",
                "interval": every,
                "no_traffic_interval": every,
                "unhealthy_edge_interval": every,
                "healthy_threshold": 1,
                "unhealthy_threshold": 2,
                "http_health_check": {"path": proxy.health_path},
            }
        ],
        # A server that cannot be reached is left alone at once; errors that it answers are for the analysis.
        "outlier_detection": {
            "split_external_local_origin_errors": True,
            "consecutive_local_origin_failure": 2,
            "enforcing_consecutive_local_origin_failure": 100 if variant == "candidate" else 0,
            "enforcing_consecutive_5xx": 0,
            "enforcing_consecutive_gateway_failure": 0,
            "enforcing_success_rate": 0,
            "enforcing_local_origin_success_rate": 0,
            "max_ejection_percent": 100,
            "interval": "1s",
            "base_ejection_time": "2s",
            "max_ejection_time": "10s",
        },
    }


def _fallback() -> Json:
    members = {"@type": f"{_EXTENSION}clusters.aggregate.v3.ClusterConfig", "clusters": ["candidate", "stable"]}
    return {
        "name": WITH_FALLBACK,
        "connect_timeout": "1s",
        "circuit_breakers": _LIMITS,
        "lb_policy": "CLUSTER_PROVIDED",
        "common_lb_config": {"update_merge_window": "0s"},
        "cluster_type": {"name": "envoy.clusters.aggregate", "typed_config": members},
    }


def _share(variant: Variant, weight: int) -> Json:
    return {
        "name": WITH_FALLBACK if variant == "candidate" else variant,
        "weight": weight,
        "request_headers_to_add": [
            {"header": {"key": CHOSEN, "value": variant}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"},
        ],
    }


def _mirror(variant: Variant) -> Json:
    mark = {"append": {"header": {"key": MIRRORED, "value": "true"}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}}
    return {"cluster": variant, "request_headers_mutations": [mark], "disable_shadow_host_suffix_append": True}


def _retries(proxy: Proxy) -> Json:
    before = f"{_EXTENSION}retry.priority.previous_priorities.v3.PreviousPrioritiesConfig"
    return {
        # An inference changes nothing and may be asked for twice: what the candidate fails, the stable model answers.
        "retry_on": "5xx",
        "num_retries": 1,
        "per_try_timeout": _seconds(proxy.try_seconds),
        "retry_priority": {
            "name": "envoy.retry_priorities.previous_priorities",
            "typed_config": {"@type": before, "update_frequency": 1},
        },
    }


def _hash(header: str, salt: str) -> Json:
    mixed = {"pattern": {"regex": "^(.*)$"}, "substitution": re.sub(r"[^A-Za-z0-9._-]", "_", salt) + r":\1"}
    return {"header": {"header_name": header, "regex_rewrite": mixed}}


def _file(path: Path) -> Json:
    return {"path_config_source": {"path": str(path)}, "resource_api_version": "V3", "initial_fetch_timeout": "5s"}


def _admin(proxy: Proxy) -> Json:
    if proxy.admin_port:
        return _address(HOST, proxy.admin_port)
    return {"pipe": {"path": str(proxy.admin_socket), "mode": 0o600}}


def _address(host: str, port: int) -> Json:
    return {"socket_address": {"address": host, "port_value": port}}


def _seconds(seconds: float) -> str:
    return f"{seconds:g}s"
