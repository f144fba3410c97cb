"""Alembic's entry: runs on the connection that engine.db.migrate hands over."""

from alembic import context

from engine import db

connection = context.config.attributes.get("connection")
if connection is None:
    from engine import settings

    connection = db.connect(settings.load()).engine.connect()

context.configure(
    connection=connection,
    target_metadata=db.Base.metadata,
    render_as_batch=True,
    user_module_prefix="db.",
)
with context.begin_transaction():
    context.run_migrations()
if connection.in_transaction():
    connection.commit()
