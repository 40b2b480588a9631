"""Reading what people have: files and queries, presets for the usual exports, and their columns by our names.

in   a Source, a workspace folder
out  batches of text columns with line numbers
"""
