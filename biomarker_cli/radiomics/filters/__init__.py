"""Image filters: their rules, and the code of each family."""
