"""identity of the data stage."""
