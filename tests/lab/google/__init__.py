"""A Google Workspace tenant of our own on loopback: token endpoint, Calendar v3, Gmail's vacation settings, push."""
