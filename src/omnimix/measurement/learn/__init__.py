"""Learn: from what was shown and what came of it to the snapshot that the next choices are made from.

in   exposures with their logged probabilities, conversions, the rungs that segments are promoted to
out  Snapshot records, published as versions in the ledger
"""
