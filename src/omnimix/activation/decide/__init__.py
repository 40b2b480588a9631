"""decide of the activation stage."""
