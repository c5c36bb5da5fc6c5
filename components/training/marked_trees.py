"""Trees that carry marks: written among those of an XGBoost model, and taken out again with the key.

Each is a small tree over one feature, with a step up or down for each of its bands. XGBoost adds up its trees, so their
order is free: the key shuffles them in among the first half of all, which carries most of what a model knows. Whoever
drops the last trees, as one prunes a boosted model, keeps the mark.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
import numpy.typing as npt
import xgboost

from components.core.contracts import FloatArray
from components.training.marks import Mark, Matrix
from components.training.watermark_key import WatermarkKey

BANDS = 3
"""Bands in one tree: seven leaves, three levels of splits, like the trees of a model of middling depth."""

ROOT = 2**31 - 1
"""What XGBoost writes as the parent of a root."""


@dataclass
class _Node:
    feature: int
    value: float
    """Where it splits; of a leaf, what it adds to the log-odds."""
    inside: npt.NDArray[np.bool_]
    """Training rows that get here."""
    left: "_Node | None" = None
    """Below the value, and what is missing."""
    right: "_Node | None" = None


def add_trees(
    booster: xgboost.Booster,
    marks: Sequence[Mark],
    bumps: FloatArray,
    matrix: Matrix,
    hessian: FloatArray,
    key: WatermarkKey,
) -> xgboost.Booster:
    """Return a model with the marks' trees among its own.

    Args:
        booster: binary classifier, one tree a round.
        marks: m of them, those of a feature together and in order.
        bumps: what each adds to the log-odds within its band, shape (m,).
        matrix: training rows, shape (n, features): how many of them reach a node is written to it, as for any tree.
        hessian: weight times p(1 - p) of each, shape (n,).
        key: shuffles all trees.
    """
    added = [_written(_tree(group, matrix), hessian, matrix.shape[1]) for group in _groups(marks, bumps)]
    trees = read_trees(booster)
    total = len(trees) + len(added)
    places = _places(total, len(added), key)
    own, keyed = iter(trees), iter(added)
    return with_trees(booster, [next(keyed if place in places else own) for place in range(total)])


def without_trees(booster: xgboost.Booster, marks: Sequence[Mark], key: WatermarkKey) -> xgboost.Booster:
    """Return the model as it was before ``add_trees`` with the same marks and key."""
    trees = read_trees(booster)
    places = _places(len(trees), len(_groups(marks, np.zeros(len(marks)))), key)
    return with_trees(booster, [tree for place, tree in enumerate(trees) if place not in places])


def read_trees(booster: xgboost.Booster) -> list[dict[str, Any]]:
    """Read a model's trees in XGBoost's JSON form; copies of its own."""
    content = json.loads(bytes(booster.save_raw("json")))
    trees: list[dict[str, Any]] = content["learner"]["gradient_booster"]["model"]["trees"]
    return trees


def with_trees(booster: xgboost.Booster, trees: Sequence[Mapping[str, Any]]) -> xgboost.Booster:
    """Return the model with these trees for its own, one a round."""
    content = json.loads(bytes(booster.save_raw("json")))
    learner = content["learner"]
    model = learner["gradient_booster"]["model"]
    model["trees"] = [{**tree, "id": i} for i, tree in enumerate(trees)]
    model["tree_info"] = [0] * len(trees)
    model["iteration_indptr"] = list(range(len(trees) + 1))
    model["gbtree_model_param"]["num_trees"] = str(len(trees))
    if "best_iteration" in learner["attributes"]:  # prediction stops there
        learner["attributes"]["best_iteration"] = str(len(trees) - 1)
    changed = xgboost.Booster({"nthread": 1})
    changed.load_model(bytearray(json.dumps(content).encode()))
    changed.set_param({"nthread": 1})
    return changed


def _groups(marks: Sequence[Mark], bumps: FloatArray) -> list[list[tuple[Mark, float]]]:
    """Put bands of one feature together, as many as one tree holds."""
    pairs = list(zip(marks, bumps.tolist(), strict=True))
    of_features = [list(group) for _, group in groupby(pairs, key=lambda pair: pair[0].feature)]
    return [group[i : i + BANDS] for group in of_features for i in range(0, len(group), BANDS)]


def _places(total: int, added: int, key: WatermarkKey) -> set[int]:
    among = max(added, total // 2)
    return set(key.order(f"places of trees: {total}", among)[:added].tolist())


def _tree(group: Sequence[tuple[Mark, float]], matrix: Matrix) -> _Node:
    """Make a balanced tree of a feature's bands; outside of them it adds nothing."""
    feature = group[0][0].feature
    cuts = [cut for mark, _ in group for cut in (mark.low, mark.high)]
    leaves = [0.0, *(value for _, bump in group for value in (bump, 0.0))]

    def grow(first: int, last: int, inside: npt.NDArray[np.bool_]) -> _Node:
        if first == last:
            return _Node(feature, leaves[first], inside)
        middle = (first + last) // 2
        above = matrix[:, feature] >= np.float32(cuts[middle])  # False where it is missing
        halves = grow(first, middle, inside & ~above), grow(middle + 1, last, inside & above)
        return _Node(feature, cuts[middle], inside, *halves)

    return grow(0, len(leaves) - 1, np.ones(len(matrix), dtype=bool))


def _written(root: _Node, hessian: FloatArray, width: int) -> dict[str, Any]:
    """Write a tree as XGBoost's JSON does, node by node, level by level."""
    nodes, parents = [root], [ROOT]
    for i, node in enumerate(nodes):  # grows on the way
        if node.left and node.right:
            nodes += [node.left, node.right]
            parents += [i, i]
    at = {id(node): i for i, node in enumerate(nodes)}
    cover = [float(hessian[node.inside].sum()) for node in nodes]
    mean = [0.0] * len(nodes)
    gain = [0.0] * len(nodes)
    for i, node in reversed(list(enumerate(nodes))):
        if not (node.left and node.right):
            mean[i] = node.value
            continue
        left, right = at[id(node.left)], at[id(node.right)]
        if cover[i]:
            mean[i] = (cover[left] * mean[left] + cover[right] * mean[right]) / cover[i]
            gain[i] = cover[left] * cover[right] / cover[i] * (mean[left] - mean[right]) ** 2
    inner = [node.left is not None for node in nodes]
    return {
        "base_weights": mean,
        "categories": [],
        "categories_nodes": [],
        "categories_segments": [],
        "categories_sizes": [],
        "default_left": [int(splits) for splits in inner],
        "left_children": [at[id(node.left)] if node.left else -1 for node in nodes],
        "loss_changes": gain,
        "parents": parents,
        "right_children": [at[id(node.right)] if node.right else -1 for node in nodes],
        "split_conditions": [node.value for node in nodes],
        "split_indices": [node.feature if splits else 0 for node, splits in zip(nodes, inner, strict=True)],
        "split_type": [0] * len(nodes),
        "sum_hessian": cover,
        "tree_param": {
            "num_deleted": "0",
            "num_feature": str(width),
            "num_nodes": str(len(nodes)),
            "size_leaf_vector": "1",
        },
    }
