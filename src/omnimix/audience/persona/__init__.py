"""Personas: the aggregate portrait of each segment, every statement with its evidence.

in   feature rows, members and segments
out  Persona records; a statement the data do not support does not exist
"""
