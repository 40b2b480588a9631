"""Speed against a named peer or a floor in the same run; each module offers `figures()`."""
