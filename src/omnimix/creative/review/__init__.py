"""review of the creative stage."""
