"""Brief: what the creative for one segment, or for everybody, should say, and why.

in   campaign, brand, products, personas, who bought what
out  Brief records

`make` puts a brief together from `choose` (products), `angle` (ways in, with their evidence), `keyword` and the
proof points. `noun`, `phrase` and `personal` read product names and copy: nouns, factual phrases, personal hints.
"""
