"""REGISTRY → PREDICTIONS: the model server."""
