"""Journeys: how people move, where they leave, and which stage of life each customer is in.

in   the event fact with a `profile_id` column, rules for sessions, steps and lifecycle stages
out  table expressions (sessions, touches, moves, transitions, funnels, stages, the profiles behind any number)
     and one JourneyMap record that adds up
"""
