"""Whether this installation, on this machine, gives the numbers that are known."""
