"""Stage 4: who gets what: the relevance ladder, plans for channels, choices in the moment.

in   members of segments, approved variants, a snapshot of what was learnt
out  lanes, plans and channel files, choices with their probability
"""
