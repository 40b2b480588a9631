"""Policy: what must be true of a variant before a person is asked to approve it.

in   Variant records and the facts they may rest on
out  Findings; a blocking one keeps the variant out of review

`check` runs checks, `checks` lists those in force; each other module holds the checks of one concern.
"""
