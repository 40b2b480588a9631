"""lift of the measurement stage."""
