"""Segments: who the customers are, by what they do.

in   order lines, events and products of resolved profiles
out  one feature row per profile, segments with a name and a short rule, one segment per profile

features → matrix (transforms) → cluster (k-means, k by stability) → rule and naming → Segmentation, members
"""
