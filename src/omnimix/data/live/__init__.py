"""Events that arrive over HTTP: what a request may hold, and how what was acknowledged becomes facts.

in   bodies of the Segment HTTP API; the inbox
out  envelopes to be stored; event rows by day, links, vault entries and quarantine, as for any file
"""
