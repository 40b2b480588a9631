"""Stage 3: what to say and show: briefs, copy, images, checks, approval.

in   personas, a campaign, a brand, products
out  variants with pictures, findings on each, and approvals bound to exactly what was shown
"""
