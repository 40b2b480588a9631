"""Stage 2: who they are and where they stand: journeys, segments, personas.

in   event, order_line and product facts with resolved profiles
out  a journey map, segments with a rule each, members, and personas whose statements carry their evidence
"""
