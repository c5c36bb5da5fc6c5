"""Whether a model treats groups of people alike."""
