"""Stage 1: from sources to validated, deduplicated facts, and who is one person.

in   files and databases declared in omnimix.toml
out  the facts event, order_line, product, trait, consent, spend and link; a quarantine of what was refused
"""
