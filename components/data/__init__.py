"""RAW → VALIDATED: ingest a table, check it as a whole and row by row, set bad rows aside."""
