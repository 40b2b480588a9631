"""Where Alembic starts: it runs on the connection that `store.ledger` hands over.

in   `config.attributes["connection"]`
out  migrations run in one transaction
"""

from alembic import context

from omnimix.store.ledger import Row

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Row.metadata,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
