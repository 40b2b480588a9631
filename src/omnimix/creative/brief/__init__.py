"""brief of the creative stage."""
