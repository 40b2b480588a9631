"""One module a migration, in the order of their numbers.

in   the revision before
out  the revision of the module's number
"""
