"""The ways messages come in: HTTP on a Unix socket or over TLS, and outbound through the hub."""
