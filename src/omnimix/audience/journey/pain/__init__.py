"""Pain points: where journeys got worse than they were, when, for whom, and what it costs.

in   events with profile_id, the pain rules, optionally what orders were worth
out  daily counts as table expressions, and one PainReport: pain points, traffic changes, contrasts, cohorts
"""
