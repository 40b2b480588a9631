"""Speed against a named peer or a floor in the same run. Each module offers `figures()`, which yields Figure records."""
