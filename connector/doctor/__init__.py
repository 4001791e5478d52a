"""The doctor: looks at every link between this machine, Exchange and the hub, in order, and says what to do.

``exchange`` and ``hub`` go through the checks; ``sight``, ``certificate``, ``clock``, ``mailboxes`` judge what was seen and
are pure; ``shell`` knows the lines an Exchange administrator pastes; ``network`` is the only room with a socket. What
asks Exchange and the hub is lent through ``base`` by the composition root.
"""
