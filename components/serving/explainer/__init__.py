"""A server of its own for anchors and counterfactuals; what it explains are the answers of the predictor."""
