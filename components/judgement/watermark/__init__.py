"""Watermark: is a model that can only be asked one of ours, and does it stay so under attack."""
