"""Exchange on premises through EWS.

exchangelib 5.6.0 lends the pool's class, the API version and the map of Windows zone names. Thirteen of its traps were
reproduced; tests name them by these numbers, and here is where each is cured:

 1. ``decrease_poolsize`` takes its own lock twice and hangs; an open stream starves the pool -> ``pool``, ``transport.open``
 2. the affinity cookie of one group leaks into the next mailbox's requests -> ``connections``
 3. a 401 that sets a cookie makes the NTLM handshake drop ours -> ``connections``, ``authentication``
 4. half an answer is repaired and taken for a whole one, with the new sync state -> ``envelope``
 5. a zone id such as ``tzone://Microsoft/Custom`` loses the rest of a batch -> ``zones``
 6. an unknown zone puts all-day meetings into the host's -> ``zones``
 7. a sync error without a SyncState is an AttributeError -> ``delta``
 8. BackOffMilliseconds is read in faults only, and only as the first value -> ``errors``
 9. an item's error outside a short list aborts the batch -> ``services``, ``reading``
10. failed subscription ids stand in exception text alone; a dead stream is noticed after half an hour -> ``stream``
11. a 401 counts as busy and is retried until the account is locked -> ``gate``
12. proxies, CA bundles and .netrc come from the environment -> ``connections``
13. two addresses of one identity break the impersonation header -> ``envelope``
"""
