"""source of the data stage."""
