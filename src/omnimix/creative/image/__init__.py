"""image of the creative stage."""
