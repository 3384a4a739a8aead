"""Tables: found by their lines and white space, read cell by cell, kept as a grid, written as CSV, HTML and more."""
