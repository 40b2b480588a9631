"""First tables of the ledger.

in   an empty database
out  revision 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Move on to this revision."""
    op.create_table(
        "audit",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_audit")),
    )
    op.create_table(
        "books_entry",
        sa.Column("entry_id", sa.Integer(), nullable=False),
        sa.Column("campaign", sa.String(length=200), nullable=False),
        sa.Column("key", sa.String(length=300), nullable=False),
        sa.Column("posted_on", sa.Date(), nullable=False),
        sa.Column("posted_at", sa.DateTime(), nullable=False),
        sa.Column("memo", sa.String(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("simulated", sa.Boolean(), nullable=False),
        sa.Column("reverses", sa.String(length=300), nullable=True),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("entry_id", name=op.f("pk_books_entry")),
        sa.UniqueConstraint("campaign", "key", name=op.f("uq_books_entry_campaign")),
        sa.UniqueConstraint("campaign", "reverses", name="uq_books_entry_reverses"),
    )
    op.create_table(
        "channel_approval",
        sa.Column("number", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("channel", sa.String(length=100), nullable=False),
        sa.Column("campaign", sa.String(length=200), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("plan", sa.Text(), nullable=False),
        sa.Column("approver", sa.String(length=200), nullable=False),
        sa.Column("accepted", sa.Text(), nullable=False),
        sa.Column("approved_at", sa.DateTime(), nullable=False),
        sa.Column("finished_at", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_channel_approval")),
    )
    with op.batch_alter_table("channel_approval", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_channel_approval_channel"), ["channel", "campaign", "digest"], unique=False
        )

    op.create_table(
        "decision_log",
        sa.Column("decision_id", sa.String(length=40), nullable=False),
        sa.Column("campaign", sa.String(length=200), nullable=False),
        sa.Column("snapshot_id", sa.String(length=40), nullable=False),
        sa.Column("profile_id", sa.String(length=40), nullable=False),
        sa.Column("segment", sa.String(length=200), nullable=False),
        sa.Column("lane", sa.String(length=20), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("codes", sa.Text(), nullable=False),
        sa.Column("draw", sa.Float(precision=53), nullable=False),
        sa.Column("variant_id", sa.String(length=300), nullable=True),
        sa.Column("probability", sa.Float(precision=53), nullable=False),
        sa.Column("decided_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("decision_id", name=op.f("pk_decision_log")),
    )
    op.create_table(
        "derived",
        sa.Column("part", sa.String(length=200), nullable=False),
        sa.Column("inputs", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("part", name=op.f("pk_derived")),
    )
    op.create_table(
        "ingest_file",
        sa.Column("source", sa.String(length=100), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("spec", sa.String(length=64), nullable=False),
        sa.Column("file", sa.Text(), nullable=False),
        sa.Column("lines_read", sa.Integer(), nullable=False),
        sa.Column("accepted", sa.Integer(), nullable=False),
        sa.Column("duplicates", sa.Integer(), nullable=False),
        sa.Column("rejected", sa.Integer(), nullable=False),
        sa.Column("ignored", sa.Integer(), nullable=False),
        sa.Column("unidentified", sa.Integer(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("source", "digest", name=op.f("pk_ingest_file")),
    )
    op.create_table(
        "profile_merge",
        sa.Column("newer", sa.String(length=40), nullable=False),
        sa.Column("older", sa.String(length=40), nullable=False),
        sa.Column("merged_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("newer", name=op.f("pk_profile_merge")),
    )
    op.create_table(
        "quarantine",
        sa.Column("source", sa.String(length=100), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("field", sa.String(length=200), nullable=False),
        sa.Column("file", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("cleared", sa.Boolean(), nullable=False),
        sa.Column("corrected", sa.Boolean(), nullable=False),
        sa.Column("found_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("source", "digest", "line", "field", name=op.f("pk_quarantine")),
    )
    op.create_table(
        "review_candidate",
        sa.Column("campaign", sa.String(length=200), nullable=False),
        sa.Column("variant_id", sa.String(length=200), nullable=False),
        sa.Column("brief", sa.String(length=200), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("findings", sa.Text(), nullable=False),
        sa.Column("blocked", sa.Boolean(), nullable=False),
        sa.Column("withdrawn", sa.Boolean(), nullable=False),
        sa.Column("submitted_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("campaign", "variant_id", name=op.f("pk_review_candidate")),
    )
    op.create_table(
        "review_decision",
        sa.Column("number", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("campaign", sa.String(length=200), nullable=False),
        sa.Column("variant_id", sa.String(length=200), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("approved", sa.Boolean(), nullable=False),
        sa.Column("by", sa.String(length=200), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("decided_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_review_decision")),
    )
    with op.batch_alter_table("review_decision", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_review_decision_campaign"), ["campaign", "variant_id"], unique=False)

    op.create_table(
        "snapshot",
        sa.Column("snapshot_id", sa.String(length=40), nullable=False),
        sa.Column("campaign", sa.String(length=200), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("made_at", sa.DateTime(), nullable=False),
        sa.Column("body", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("snapshot_id", name=op.f("pk_snapshot")),
        sa.UniqueConstraint("campaign", "version", name=op.f("uq_snapshot_campaign")),
    )
    op.create_table(
        "step",
        sa.Column("flow", sa.String(length=200), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("input_digest", sa.String(length=64), nullable=False),
        sa.Column("rows_in", sa.Integer(), nullable=False),
        sa.Column("rows_out", sa.Integer(), nullable=False),
        sa.Column("rejected", sa.Integer(), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.Column("output_digest", sa.String(length=64), nullable=False),
        sa.Column("finished_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("flow", "name", name=op.f("pk_step")),
    )
    op.create_table(
        "books_posting",
        sa.Column("entry_id", sa.Integer(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("account", sa.String(length=20), nullable=False),
        sa.Column("minor", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("minor <> 0", name="books_posting_minor"),
        sa.ForeignKeyConstraint(
            ["entry_id"], ["books_entry.entry_id"], name=op.f("fk_books_posting_entry_id_books_entry")
        ),
        sa.PrimaryKeyConstraint("entry_id", "line", name=op.f("pk_books_posting")),
    )
    op.create_table(
        "channel_outbox",
        sa.Column("approval", sa.Integer(), nullable=False),
        sa.Column("place", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("change", sa.Text(), nullable=False),
        sa.Column("idempotency_key", sa.String(length=64), nullable=False),
        sa.Column("done_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["approval"], ["channel_approval.number"], name=op.f("fk_channel_outbox_approval_channel_approval")
        ),
        sa.PrimaryKeyConstraint("approval", "place", name=op.f("pk_channel_outbox")),
        sa.UniqueConstraint("idempotency_key", name=op.f("uq_channel_outbox_idempotency_key")),
    )


def downgrade() -> None:
    """Go back to the revision before."""
    op.drop_table("channel_outbox")
    op.drop_table("books_posting")
    op.drop_table("step")
    op.drop_table("snapshot")
    with op.batch_alter_table("review_decision", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_review_decision_campaign"))

    op.drop_table("review_decision")
    op.drop_table("review_candidate")
    op.drop_table("quarantine")
    op.drop_table("profile_merge")
    op.drop_table("ingest_file")
    op.drop_table("derived")
    op.drop_table("decision_log")
    with op.batch_alter_table("channel_approval", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_channel_approval_channel"))

    op.drop_table("channel_approval")
    op.drop_table("books_entry")
    op.drop_table("audit")
