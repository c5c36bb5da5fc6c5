"""FEATURES → MODEL: labels, training, evaluation, and the bundle that is served."""
