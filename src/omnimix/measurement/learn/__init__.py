"""learn of the measurement stage."""
