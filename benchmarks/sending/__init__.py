"""What sends in the dispatch benchmark, and where it all goes."""
