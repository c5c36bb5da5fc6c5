"""What the README says in figures, measured."""
