"""The claim ledger: facts with their source, and whether a sentence says no more than they do.

in   the catalogue, brand.toml, the campaign's offer, saved pages, orders
out  Fact records (`gather`, `page`); for a text its claims, or why one does not hold and the nearest fact (`bind`)
"""
