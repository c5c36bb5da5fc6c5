"""Rollout: from a registered model to all of the traffic, and back in one step."""
