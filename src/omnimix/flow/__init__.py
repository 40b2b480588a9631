"""Ordered, resumable runs over the stages; the only folder that turns table expressions into rows.

in   a Machine (stores, rules, brand) and a campaign
out  facts, records, files, and an account of every step: rows in, rows out, rejected, seconds
"""
