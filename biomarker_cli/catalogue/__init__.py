"""Find files, index them, group them into series and volumes, read volumes."""
