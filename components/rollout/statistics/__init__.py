"""Statistics that stay valid however often one looks, and the fixed-horizon ones beside them."""
