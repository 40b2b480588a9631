"""Channels: what an ad platform shall hold, the plan that gets it there, and the adapters that write it.

in   a campaign and its approved variants
out  a plan (a diff a person approves), applied once and only once through an outbox; files people can import

`resource` what a platform holds · `desired` what it shall hold · `plan` the diff · `limits` what is unsafe in it
`approval` who allowed it · `apply` makes it so · `port` what an adapter offers · `registry` adapters by name
"""
