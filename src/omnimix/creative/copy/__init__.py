"""Copy: a brief becomes variants, the words of one creative for every channel.

in   Brief, Campaign, Brand, a seed
out  Variant records without pictures; `creative.image` adds those

Read in this order: `port` (what a writer must do), `write` (the built-in writer), `scene` (what there is to
say), `frame` (how it may be said), `lint` (what no line may break), `pick` (which lines make a good set),
`email` (the letter).
"""
