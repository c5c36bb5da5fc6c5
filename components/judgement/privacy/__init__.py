"""What an outsider can learn from the model: who was in its training rows, and what they keep to themselves."""
