"""Whether an HTTPRoute will really share requests out, and if not, why not."""

from components.rollout.plan import Plan
from components.rollout.planes.cluster import Json
from components.rollout.planes.finding import Finding, Severity
from components.rollout.planes.httproute import MOST_MATCHES

MOST_RULES = 16
MOST_IN_ALL = 128
"""Rules, and matches of all rules together, that the Gateway API lets one route have."""


def lint_route(route: Json, plan: Plan | None = None, separate: frozenset[str] = frozenset()) -> list[Finding]:
    """List what is to be said of an HTTPRoute.

    Args:
        route: as written, or as the cluster has it.
        plan: the rollout that is to run on it.
        separate: names of InferenceServices whose transformer is a service of its own.
    """
    spec = route.get("spec") or {}
    rules = spec.get("rules") or []
    found = [*_parents(route, spec), *_sizes(route, rules)]
    for place, rule in enumerate(rules):
        found += _rule(route, f"spec.rules[{place}]", rule, separate)
    if not rules:
        found.append(_finding(route, "error", "spec.rules", "none", "a rule with backendRefs"))
    return [*found, *_plan(route, rules, plan)]


def _parents(route: Json, spec: Json) -> list[Finding]:
    found = []
    if not spec.get("parentRefs"):
        found.append(_finding(route, "error", "spec.parentRefs", "none, so no gateway takes it", "a Gateway"))
    version = route.get("apiVersion")
    if version != "gateway.networking.k8s.io/v1":
        found.append(_finding(route, "warning", "apiVersion", str(version), "gateway.networking.k8s.io/v1"))
    return found


def _sizes(route: Json, rules: list[Json]) -> list[Finding]:
    counts = [len(rule.get("matches") or []) for rule in rules]
    found = []
    if len(rules) > MOST_RULES:
        found.append(_finding(route, "error", "spec.rules", f"{len(rules)} rules", f"{MOST_RULES} at most"))
    for place, count in enumerate(counts):
        if count > MOST_MATCHES:
            field = f"spec.rules[{place}].matches"
            found.append(_finding(route, "error", field, f"{count} matches", f"{MOST_MATCHES} at most"))
    if sum(counts) > MOST_IN_ALL:
        found.append(_finding(route, "error", "spec.rules", f"{sum(counts)} matches in all", f"{MOST_IN_ALL} at most"))
    return found


def _rule(route: Json, field: str, rule: Json, separate: frozenset[str]) -> list[Finding]:
    refs = rule.get("backendRefs") or []
    found, names = [], [str(ref.get("name")) for ref in refs]
    weights = {name: ref.get("weight", 1) for name, ref in zip(names, refs, strict=True)}
    if len(refs) > 1 and sum(weights.values()) == 0:
        found.append(_finding(route, "error", f"{field}.backendRefs", "all weights are 0", "one above 0"))
    elif len(refs) > 1 and sum(weights.values()) != 100:
        text = f"weights sum to {sum(weights.values())}, not 100: they are shares of their sum, not percent"
        found.append(_finding(route, "warning", f"{field}.backendRefs", text, "a sum of 100"))
    for item in rule.get("filters") or []:
        copy = ((item.get("requestMirror") or {}).get("backendRef") or {}).get("name")
        if copy is not None and weights.get(copy, 0) > 0:
            text = f"copies go to {copy}, which answers too"
            way_out = "Mirror while the other answers everything"
            found.append(_finding(route, "error", f"{field}.filters", text, "a backend with weight 0", way_out))
    for name in names:
        service = name.removesuffix("-predictor")
        if name != service and service in separate:
            way_out = "Put it beside the model: spec.predictor.containers: [{name: transformer-container, …}]"
            text = f"{name}, which goes past the transformer of {service}"
            found.append(_finding(route, "error", f"{field}.backendRefs", text, "a collocated transformer", way_out))
    return found


def _plan(route: Json, rules: list[Json], plan: Plan | None) -> list[Finding]:
    if plan is None or not plan.sticky_header:
        return []
    text = f"the plan {plan.name} wants keys of {plan.sticky_header} to stick, and a route cannot hash a header"
    way_out = "Send each key's cohort, 00 to 99, in a header (components/rollout/cohort.py), and name that header"
    found = [_finding(route, "warning", "sticky_header", text, "the header of a cohort", way_out)]
    several = [place for place, rule in enumerate(rules) if len(rule.get("matches") or []) > 1]
    ours = any(h for rule in rules for m in rule.get("matches") or [] for h in m.get("headers") or [])
    if several and not ours:
        field = f"spec.rules[{several[0]}].matches"
        way_out = "Give each match an HTTPRoute of its own"
        found.append(_finding(route, "error", field, "several, and 100 cohorts with each", "one match", way_out))
    return found


def _finding(route: Json, severity: Severity, field: str, found: str, allowed: str = "", way_out: str = "") -> Finding:
    subject = f"HTTPRoute {route.get('metadata', {}).get('name', '(no name)')}"
    return Finding(severity=severity, subject=subject, field=field, found=found, allowed=allowed, way_out=way_out)
