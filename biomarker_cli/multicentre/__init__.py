"""Room: multicentre."""
