"""books of the measurement stage."""
