"""One archive of a run for another centre: written, and read without being unpacked."""
