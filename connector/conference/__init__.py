"""Conference providers: from a keyword's order to join details."""
