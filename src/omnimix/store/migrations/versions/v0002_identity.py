"""Identity: decisions about pairs of keys and the review queue; merges are computed from edges, not kept here.

in   revision 0001
out  revision 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Move on to this revision."""
    op.create_table(
        "identity_decision",
        sa.Column("number", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("key_a", sa.String(length=80), nullable=False),
        sa.Column("key_b", sa.String(length=80), nullable=False),
        sa.Column("together", sa.Boolean(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("by", sa.String(length=200), nullable=False),
        sa.Column("decided_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_identity_decision")),
    )
    op.create_table(
        "identity_review",
        sa.Column("key_a", sa.String(length=80), nullable=False),
        sa.Column("key_b", sa.String(length=80), nullable=False),
        sa.Column("reason", sa.String(length=40), nullable=False),
        sa.Column("weight", sa.Double(), nullable=True),
        sa.Column("sharers", sa.Integer(), nullable=False),
        sa.Column("found_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("key_a", "key_b", name=op.f("pk_identity_review")),
    )
    op.drop_table("profile_merge")


def downgrade() -> None:
    """Go back to the revision before."""
    op.create_table(
        "profile_merge",
        sa.Column("newer", sa.String(length=40), nullable=False),
        sa.Column("older", sa.String(length=40), nullable=False),
        sa.Column("merged_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("newer", name=op.f("pk_profile_merge")),
    )
    op.drop_table("identity_review")
    op.drop_table("identity_decision")
