"""The only place that opens databases.

in   a workspace's state folder
out  warehouse (facts as Parquet, read through Ibis on DuckDB), ledger (SQLAlchemy), blobs (files by digest)

`facts` holds the few table schemas that stages share.
"""
