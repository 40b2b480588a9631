"""Who gets which rung of the relevance ladder, and what may be shown to whom at all.

in   segment members, ladder shares, a salt; what is known of people and variants
out  one lane a profile (`lanes`), and the reasons that rule a variant out for a person (`eligibility`)
"""
