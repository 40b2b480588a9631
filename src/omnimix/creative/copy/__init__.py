"""copy of the creative stage."""
