"""Statistical, crash and fuzz campaigns. Each module offers `figures()`, which yields Figure records."""
