"""Room: pet."""
