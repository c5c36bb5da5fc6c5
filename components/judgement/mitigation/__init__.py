"""Mitigation: ways to make a model less unfair, tried beside one another on a front of accuracy against fairness."""
