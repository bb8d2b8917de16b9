"""Room: case."""
