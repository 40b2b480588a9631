"""Packs of wording rules by country, as data.

in   the TOML files in this folder
out  nothing by itself: `policy.pack` reads them
"""
