"""Stage 1, data: from files and queries as people have them to validated, deduplicated facts about pseudonymous people.

in   sources declared in omnimix.toml (orders, events, profiles, products, spend, enrichment)
out  the facts event, order_line, trait, consent, product, spend and link; a quarantine of what was wrong; the vault filled
"""
