"""Bids: OpenRTB 2.6 requests of ad exchanges answered from the same choice as every other moment.

in   a bid request, a release's offers, what is known of the person, a campaign's purse
out  a bid with its price and markup, or a clean no-bid with its reason; what notices mean for the books
"""
