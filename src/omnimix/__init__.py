"""Omnimix: from customer data to approved, channel-ready, measured campaigns, and round again.

in   customer data (orders, events, profiles, products, ad spend) and a campaign file
out  journeys, segments, personas, creatives, approvals, channel files, measured lift, books, a report

Data flows one way through the folders: data → audience → creative → activation → measurement. The circle
closes in the store (measurement publishes a snapshot, activation reads it), never by an import.
"""

__version__ = "0.1.0"
