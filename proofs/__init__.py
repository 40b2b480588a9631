"""Statistical, crash and fuzz campaigns; each module offers `figures()`."""
