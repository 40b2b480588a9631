"""Books: the double-entry accounts of each campaign, and its statement.

in   media, margin and refund sums of the facts; what creatives, review and data cost; the campaign's increment
out  balanced entries in the ledger, each posted once; a Statement with trial balance, costs and ROMI
"""
