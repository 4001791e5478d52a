"""The doctor: looks at every link between this machine, Exchange and the hub, in order, and says what to do.

``exchange`` (by way of ``doors``, ``logon`` and ``mailboxes``) and ``hub`` go through the checks; ``sight``, ``certificate``,
``clock`` and ``impersonation`` judge what was seen and are pure, as are ``remedies``, from verdict to advice, and ``shell``, the
lines an Exchange administrator pastes; ``network`` is the only room with a socket. What asks Exchange and the hub is lent
through ``base`` by the composition root.
"""
