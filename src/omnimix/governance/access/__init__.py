"""Access: who may do what in the console.

in   accounts with a password and roles, kept in the ledger
out  a signed-in Account, or NotAllowed; every change of an account is in the audit
"""
