"""The log of single decisions goes: decisions stand in the online store's journal and the fact `decision`.

in   revision 0003
out  revision 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Move on to this revision."""
    op.drop_table("decision_log")


def downgrade() -> None:
    """Go back to the revision before."""
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
