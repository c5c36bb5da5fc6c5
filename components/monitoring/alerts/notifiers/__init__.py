"""Whom the alert book tells: one interface, one file for each kind of receiver."""
