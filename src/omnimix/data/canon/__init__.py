"""Typed rows of each kind of source become rows of our facts.

in   typed columns of a batch
out  rows by fact, each with the line it came from; identifiers and personal fields are left behind
"""
