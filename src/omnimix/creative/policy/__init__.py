"""policy of the creative stage."""
