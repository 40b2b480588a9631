"""segment of the audience stage."""
