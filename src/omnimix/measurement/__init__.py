"""Stage 5: what the money really did: lift, books, learning, report.

in   assignments, exposures, conversions, costs
out  increments with intervals and grades, promotions, balanced books, the next snapshot, a report
"""
