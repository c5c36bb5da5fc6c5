"""Fairlead's library: one folder for each stage between a table of events and a served model."""
