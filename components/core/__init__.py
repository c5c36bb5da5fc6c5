"""Values, settings, errors and records that every stage shares; imports no stage."""
