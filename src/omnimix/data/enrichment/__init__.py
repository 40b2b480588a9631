"""Enrichment audited: how often bought-in traits are right, and whether that is worth their price.

in   trait rows with a provider, what customers said or did themselves, prices
out  a TraitAudit for each provider and trait; only traits above break-even may be used for targeting
"""
