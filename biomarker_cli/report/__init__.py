"""Pictures of finished tables, for people."""
