"""The console: pages where people look at variants, decide, and stop campaigns.

in   requests of a signed-in browser
out  pages; decisions bound to the digest of what was shown, in the audit
"""
