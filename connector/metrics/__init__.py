"""Figures for monitoring: Prometheus's text format, over a Unix socket or a port of this machine."""
