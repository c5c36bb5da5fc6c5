"""Detectors of change: each sees one value after the other and says when the stream is no longer what it was."""
