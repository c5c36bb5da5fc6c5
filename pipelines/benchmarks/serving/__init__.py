"""Model servers against one another: the same model, the same requests, in turn on the same core."""
