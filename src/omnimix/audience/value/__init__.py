"""What a customer is worth and likely to do next: lifetime value and propensities, each with its calibration.

in   orders and events by profile, up to a day
out  values and propensities per profile, and how well such figures held out of time
"""
