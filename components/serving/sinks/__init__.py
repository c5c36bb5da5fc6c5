"""Where logged predictions go: one file for each kind of place."""
