"""The packages tried on booted machines, against a lab Exchange outside of them."""
