"""MODEL → VERDICT: whatever can stop a release."""
