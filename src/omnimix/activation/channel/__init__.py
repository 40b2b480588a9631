"""channel of the activation stage."""
