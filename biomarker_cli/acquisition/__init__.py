"""What a scan must be: facts of the header, and the rules of acquisition protocols."""
