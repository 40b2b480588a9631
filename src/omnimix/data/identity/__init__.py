"""Who is one person: edges between pseudonymous keys, profiles computed from them, with ids that stay.

in   keys seen together in one record; what records say of people, sealed; decisions of people
out  the link fact (key → profile), a log of merges, a review queue, and tables with a profile_id

    edges → partition → links, merges        who is one person, by what is known
    fields → matching, model → match         edges between records without a common key
    decisions, review, evidence              what people decide, and what they see before
    resolve, traits                          facts by profile
"""
