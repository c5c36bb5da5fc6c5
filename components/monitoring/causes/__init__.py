"""Root causes: which columns, which slices, from which day, and whether the data are at fault or the world changed."""
