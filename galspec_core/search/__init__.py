"""Search: knowledge base, vote of the nearest neighbours, metrics."""
