"""Alembic migrations of the ledger; they run by themselves when it is opened.

in   a ledger of any earlier release
out  the same ledger in today's shape, nothing lost
"""
