"""The whole state in one file that only its recipients can open."""
