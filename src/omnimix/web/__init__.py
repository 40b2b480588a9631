"""The HTTP side: live collection.

in   requests of browsers, apps and servers
out  acknowledged, durable events; answers with the Segment specification's statuses
"""
