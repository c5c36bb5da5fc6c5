"""VERDICT → REGISTRY: versions, aliases and the approvals that move them."""
