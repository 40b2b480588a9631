"""Who may know and do what, and the proof of what was done.

in   personal identifiers, decisions of people, acts of the system
out  pseudonyms and an encrypted vault, consent by purpose, an append-only hash-chained audit
"""
