"""Where key encryption keys live: derived from a master secret, or in a hardware token."""
