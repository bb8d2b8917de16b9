"""Room: regions."""
