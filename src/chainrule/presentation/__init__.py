"""How numbers, tables, pages and pictures look."""
