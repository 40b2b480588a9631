"""Who is one person: exact links between pseudonymous keys, with profile ids that stay.

in   keys seen together in one record
out  the link fact (key → profile), and tables with a profile_id
"""
