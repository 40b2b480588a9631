"""For those who test or extend Omnimix: a simulated market with known truth, conformance suites, a shop.

in   a seed and planted effects; an adapter to examine
out  labelled simulated exposures and conversions; a verdict on the adapter
"""
