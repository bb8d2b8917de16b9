"""Room: acquisition."""
