"""Robots: what crawlers, link scanners and prefetchers did, told apart from what people did.

in   what the request that brought an event says of itself; events as a whole
out  columns `robot` and `network` of events; the fact `automated`
"""
