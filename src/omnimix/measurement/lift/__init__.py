"""Lift: what the money really did, rung by rung, and what can be known of it.

in   the assignment, exposure and conversion facts of a campaign; the costs of its campaign file
out  performance counts, effects with intervals that survive weekly peeking, sample-ratio checks, power verdicts
     before spend, and which rung each segment is promoted to

`standards` and `costs` are what a campaign file says; `stats` turns facts into sums; `looks` spends the error
over the weeks; `effect`, `ratio`, `power` and `promote` are arithmetic on those sums.
"""
