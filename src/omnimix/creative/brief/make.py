"""Briefs for a campaign: one for everybody, one for each persona.

in   campaign, brand, catalogue, personas, buyers by segment and product
out  Brief records, the broad one first
"""
