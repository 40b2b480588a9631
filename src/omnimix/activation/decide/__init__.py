"""What should this person see now? A choice among eligible variants, with its probability.

in   a published Snapshot, a person's segment, rung, story step and eligible variants; a seed
out  Choices that can be replayed (`choice`), a week's choices as a table (`serve`), posteriors (`pooling`)
"""
