"""journey of the audience stage."""
