"""How an appliance becomes known to a hub: a key pair made here, of which the hub holds the public half only."""
