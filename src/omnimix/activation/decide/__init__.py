"""What should this person see now? A choice among eligible variants, with its probability, in milliseconds.

in   a Release, States, Requests; for a simulated market a Snapshot
out  Made decisions, journalled, that replay to the last bit (`decide`, `turn`, `explain`)
"""
