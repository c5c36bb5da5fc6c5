"""Shapley values by their definition: a feature's effect on every set of the others, weighted by the set's size."""

import itertools
import json
import math
from collections.abc import Callable

import numpy as np

Value = Callable[[frozenset[int]], float]
"""What the model gives when the features of a set are known."""


def shapley(value: Value, features: int) -> np.ndarray:
    """L. S. Shapley, "A value for n-person games" (1953), formula 12."""
    phi = np.zeros(features)
    for i in range(features):
        others = [j for j in range(features) if j != i]
        for size in range(features):
            weight = math.factorial(size) * math.factorial(features - size - 1) / math.factorial(features)
            for chosen in itertools.combinations(others, size):
                known = frozenset(chosen)
                phi[i] += weight * (value(known | {i}) - value(known))
    return phi


def interventional(predict, row: np.ndarray, background: np.ndarray) -> Value:
    """Unknown features take the background's values: v(S) = mean over b of f(x_S, b_rest)."""

    def value(known: frozenset[int]) -> float:
        mixed = background.copy()
        mixed[:, list(known)] = row[list(known)]
        return float(predict(mixed).mean())

    return value


def path_dependent(booster, row: np.ndarray) -> Value:
    """Unknown features follow both branches, weighted by the training rows that took them (Lundberg et al. 2020)."""
    trees = [json.loads(text) for text in booster.get_dump(dump_format="json", with_stats=True)]

    def walk(node, known) -> float:
        if "leaf" in node:
            return node["leaf"]
        children = {child["nodeid"]: child for child in node["children"]}
        feature = int(node["split"][1:])
        if feature in known:
            x = row[feature]
            key = "missing" if np.isnan(x) else ("yes" if x < np.float32(node["split_condition"]) else "no")
            return walk(children[node[key]], known)
        cover = sum(child["cover"] for child in children.values())
        return sum(child["cover"] / cover * walk(child, known) for child in children.values())

    return lambda known: sum(walk(tree, known) for tree in trees)
