"""The state: one SQLite file. SQL stands in this package and nowhere else."""
