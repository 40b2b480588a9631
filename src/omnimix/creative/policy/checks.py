"""The checks in force.

in   nothing
out  CHECKS, the tuple that `run_checks` is given
"""

from omnimix.creative.policy.access import check_alt_text, check_contrast, check_reading
from omnimix.creative.policy.channel import (
    check_address,
    check_calls,
    check_email,
    check_images,
    check_keywords,
    check_texts,
)
from omnimix.creative.policy.check import Check
from omnimix.creative.policy.claims import check_covered, check_sources
from omnimix.creative.policy.landing import check_landing
from omnimix.creative.policy.pack import check_packs
from omnimix.creative.policy.wording import check_brand_words, check_personal, check_shouting

CHECKS: tuple[Check, ...] = (
    check_texts,
    check_images,
    check_keywords,
    check_address,
    check_calls,
    check_email,
    check_covered,
    check_sources,
    check_brand_words,
    check_personal,
    check_shouting,
    check_packs,
    check_landing,
    check_alt_text,
    check_contrast,
    check_reading,
)
