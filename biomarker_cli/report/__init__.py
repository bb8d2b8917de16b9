"""Reports and pictures of finished tables, for people."""
