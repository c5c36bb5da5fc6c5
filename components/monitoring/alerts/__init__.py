"""The alert book: what is wrong, since when, who was told, and what is silenced."""
