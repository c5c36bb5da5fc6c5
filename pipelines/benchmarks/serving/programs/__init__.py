"""Servers that are measured, each written as its users would write it; started as processes of their own."""
