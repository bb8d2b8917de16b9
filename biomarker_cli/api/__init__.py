"""The public Python functions, which the package root hands out by name."""
