"""Makes the cluster's API known to the tests of this room."""

from tests.rollout.planes.cluster_api import cluster

__all__ = ["cluster"]
