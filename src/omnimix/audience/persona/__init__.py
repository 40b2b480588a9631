"""persona of the audience stage."""
