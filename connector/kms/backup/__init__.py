"""A backup is one file that the recipients' private keys open, and nothing else does; it is worth what its last drill says."""
