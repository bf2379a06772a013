"""What is known: feeds in, one read-only database file out.

`database.Database` answers at scan time and imports nothing heavy; `build`, `fetch` and `bundle` make the file.
"""
