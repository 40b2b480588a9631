"""experiment of the activation stage."""
