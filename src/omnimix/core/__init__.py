"""The floor everything stands on: ids, money, clock, stable hashing, records, findings, errors.

in   plain values
out  plain values; no input or output, standard library only
"""
