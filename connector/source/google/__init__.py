"""Google Calendar through its REST interface (Calendar API v3, Gmail's vacation settings).

One service account with domain-wide delegation; every request is made in the name of one user (the ``subject``), and
the quota is that user's. google-auth signs the grant, httpx carries everything; requests are written by hand.

=================  ==============================================================
``authentication``  who may be asked in whose name; tokens, cached and renewed early
``transport``       one HTTP client for all users
``services``        the operations, each one request
``errors``          Google's reasons as verdicts
``delta``           events.list with a sync token: which items changed
``expand``          events.instances: what they are now
``viewing``         everything inside a window
``convert``         an event as our Meeting
``write``           patch, insert, delete, reply, quick add
``presence``        vacation settings, out-of-office events, free/busy
``push``            notification channels; ``watcher`` keeps them open
=================  ==============================================================
"""
