"""Readers of the files that users have; a row that cannot be read is counted and named, never dropped."""
