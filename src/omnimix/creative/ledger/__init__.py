"""The claim ledger: grounds with their source, and whether a sentence says no more than they do.

in   the catalogue, brand.toml, the campaign's offer, saved pages, orders
out  Ground records (`gather`, `page`); Verdicts on the phrases of a text (`bind`)
"""
