"""Which people a tree of conditions holds for."""
