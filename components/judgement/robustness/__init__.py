"""How a model bears small moves of its inputs, on purpose and by accident."""
