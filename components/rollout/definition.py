"""``python -m components.rollout.definition``: write the definition of ModelRollout for a cluster to standard output.

Its schema is made from ``Spec``, so that the API server refuses what ``Plan`` would refuse. The rules that span several
fields are written a second time, in the API server's own language; tests hold the two together.
"""

import sys
from typing import Any

import yaml
from pydantic.alias_generators import to_camel

from components.rollout.kubernetes_objects import ROLLOUTS
from components.rollout.model_rollout import Spec

_MIRRORED = "['disagreement', 'score_shift']"

RULES: dict[str, list[tuple[str, str]]] = {
    "Plan": [
        ("self.metrics.all(m, self.metrics.exists_one(n, n.name == m.name))", "a metric is named twice"),
        ("self.metrics.exists(m, has(m.margin))", "no metric has a margin, so nothing could ever earn a promotion"),
        (
            f"self.strategy in ['shadow', 'blue_green'] || !self.metrics.exists(m, m.name in {_MIRRORED})",
            "disagreement and score_shift need mirrored requests; strategies that mirror: shadow, blue_green",
        ),
        (
            "self.strategy != 'canary' || (has(self.steps) && size(self.steps) > 0 && self.steps.all(s, s.weight < 100)"
            " && self.steps.all(s, self.steps.exists_one(t, t.weight == s.weight))"
            " && self.steps.map(s, s.weight).isSorted())",
            "a canary's steps rise and stay below 100, the promotion",
        ),
        (
            "self.strategy != 'ab' || (has(self.steps) && size(self.steps) == 1 && self.steps[0].weight < 100)",
            "an A/B test has exactly one step below 100",
        ),
        (
            "self.strategy in ['canary', 'ab'] || !has(self.steps) || size(self.steps) == 0",
            "shadow, blue_green and bandit have no steps",
        ),
        ("(self.strategy == 'bandit') == has(self.bandit)", "the section bandit is for the strategy bandit"),
        ("!has(self.bandit) || !has(self.rescore) || !self.rescore", "a bandit cannot rescore"),
        (
            "!has(self.bandit) || self.metrics.exists(m, m.name == self.bandit.reward)",
            "bandit.reward is not among the metrics",
        ),
    ],
    "Metric": [
        ("(self.name == 'latency') == has(self.aboveMs)", "aboveMs is for latency, and latency needs it"),
        ("self.guard || has(self.margin)", "a metric that neither guards nor has a margin would decide nothing"),
    ],
    "Spec": [
        (
            "self.traffic.mode != 'httproute' || (self.stable.service != '' && self.candidate.service != '')",
            "mode httproute needs stable.service and candidate.service",
        ),
        (
            "self.traffic.mode == 'httproute' || !(self.plan.strategy in ['shadow', 'blue_green'])",
            "KServe's own modes cannot mirror: shadow and blue_green need mode httproute",
        ),
        (
            "!has(self.plan.stickyHeader)",
            "counters do not know keys, so nothing can be proven here where assignment sticks to them",
        ),
        ("!self.plan.rescore", "the operator has no models to score anew with"),
        *(
            (f"self.{name} == oldSelf.{name}", f"{name} stays as it was made; make another ModelRollout")
            for name in Spec.model_fields
            if name != "wish"
        ),
    ],
}
"""By section: rules over several fields, in CEL, and what to say."""

MOST = {"array": ("maxItems", 32), "string": ("maxLength", 1024)}
"""The API server bounds what a rule may cost, so lists and texts need a bound."""

COLUMNS = [
    ("Phase", "string", ".status.phase", 0),
    ("Weight", "integer", ".status.weight", 0),
    ("Candidate", "string", ".spec.candidate.model", 1),
    ("Reason", "string", ".status.reason", 0),
    ("Age", "date", ".metadata.creationTimestamp", 0),
]

_EVENT = {
    "sequence": {"type": "integer"},
    "at": {"type": "string"},
    "kind": {"type": "string"},
    "payload": {"type": "string"},
}

_WISH = {"type": "object", "nullable": True, "additionalProperties": {"type": "string"}}

_STATUS: dict[str, Any] = {
    "phase": {"type": "string"},
    "weight": {"type": "integer"},
    "mirror": {"type": "string", "nullable": True},
    "reason": {"type": "string"},
    "looks": {"type": "integer"},
    "lastEventTime": {"type": "string", "format": "date-time"},
    "settled": {"type": "boolean"},
    "failure": {"type": "string"},
    "wish": {**_WISH, "description": "The last wish that was taken up."},
    "weights": {
        "type": "array",
        "items": {
            "type": "object",
            "required": ["at", "weight"],
            "properties": {"at": {"type": "string"}, "weight": {"type": "integer"}},
        },
    },
    "events": {"type": "array", "items": {"type": "object", "required": list(_EVENT), "properties": _EVENT}},
}


def definition() -> dict[str, Any]:
    """Return the CustomResourceDefinition."""
    schema = Spec.model_json_schema()
    spec = structural({**schema, "title": "Spec"}, schema["$defs"])
    version = {
        "name": ROLLOUTS.version,
        "served": True,
        "storage": True,
        "subresources": {"status": {}},
        "additionalPrinterColumns": [
            {"name": name, "type": kind, "jsonPath": path, "priority": priority}
            for name, kind, path, priority in COLUMNS
        ],
        "schema": {
            "openAPIV3Schema": {
                "type": "object",
                "required": ["spec"],
                "properties": {"spec": spec, "status": {"type": "object", "properties": _STATUS}},
            }
        },
    }
    names = {"kind": "ModelRollout", "plural": ROLLOUTS.plural, "singular": "modelrollout", "shortNames": ["mro"]}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{ROLLOUTS.plural}.{ROLLOUTS.group}"},
        "spec": {"group": ROLLOUTS.group, "scope": "Namespaced", "names": names, "versions": [version]},
    }


def structural(schema: dict[str, Any], sections: dict[str, Any]) -> dict[str, Any]:
    """Turn a JSON schema into what a CustomResourceDefinition takes: no references, bounds as flags, keys in its way.

    Args:
        schema: of pydantic.
        sections: its ``$defs``.
    """
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return structural({**sections[name], **{k: v for k, v in schema.items() if k != "$ref"}}, sections)
    if "anyOf" in schema:  # X or nothing: nothing is a field left out
        (only,) = (part for part in schema["anyOf"] if part.get("type") != "null")
        return structural(only, sections)
    kept = ("type", "description", "enum", "pattern", "minimum", "maximum")
    made: dict[str, Any] = {k: schema[k] for k in kept if k in schema}
    made |= {k: schema[k] for k in ("minLength", "minItems") if k in schema}
    if schema.get("default") is not None:
        made["default"] = schema["default"]
    for flag, bound in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if flag in schema:
            made |= {bound: schema[flag], flag: True}
    if schema["type"] in MOST:
        key, most = MOST[schema["type"]]
        made[key] = most
    if "items" in schema:
        made["items"] = structural(schema["items"], sections)
    if "properties" in schema:
        made["properties"] = {to_camel(k): structural(v, sections) for k, v in schema["properties"].items()}
        made["required"] = [to_camel(k) for k in schema.get("required", [])]
    elif schema["type"] == "object":
        made |= {"additionalProperties": structural(schema["additionalProperties"], sections), "maxProperties": 32}
    rules = RULES.get(schema.get("title", ""), [])
    if rules:
        made["x-kubernetes-validations"] = [{"rule": rule, "message": text} for rule, text in rules]
    return made


def text() -> str:
    """Return the definition as it stands in ``manifests/rollout/definition.yaml``."""
    head = "# Made from components/rollout/model_rollout.py and plan.py by: python -m components.rollout.definition\n"
    return head + yaml.safe_dump(definition(), sort_keys=False, width=120)


if __name__ == "__main__":
    sys.stdout.write(text())
