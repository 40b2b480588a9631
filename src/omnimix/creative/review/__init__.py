"""Review: a person decides what may be shown, and the decision holds only for exactly what they saw.

in   variants with the findings of the checks
out  approved variants; every decision in the audit, in the same transaction

`document` a variant as JSON and back, its pictures' bytes · `queue` submissions · `decision` approve and reject.
"""
