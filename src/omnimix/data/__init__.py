"""Stage 1, data: from files and queries to validated, deduplicated facts about pseudonyms.

in   sources declared in omnimix.toml (orders, events, profiles, products, spend, enrichment)
out  the facts event, order_line, trait, consent, product, spend, link; a quarantine of faults; the vault
"""
