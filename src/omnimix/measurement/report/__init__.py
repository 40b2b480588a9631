"""report of the measurement stage."""
