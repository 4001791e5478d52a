"""The key service protocol on the wire, both sides of it (draft-abiggs-saag-key-management-service). Pure.

Everything is JSON inside compact JOSE, carried by a transport that nobody trusts. Which function is whose::

    client                                        key service
    ------                                        -----------
    handshake.make_offer    -> JWE RSA-OAEP  ->   handshake.open_offer
    signed.open_signed      <- JWS PS256     <-   handshake.answer_offer, signed.sign (refusals)
    handshake.agree
    sealed.seal_request     -> JWE dir       ->   sealed.open_request
    sealed.open_answer      <- JWE dir       <-   sealed.seal_answer
    signed.open_signed      <- JWS, 499      <-   signed.sign_reset   (the message could not be opened)

Modules: ``jose`` (the four kinds of token, each with its own list of algorithms), ``messages`` (requests and answers),
``handshake``, ``signed`` and ``sealed`` (see above), ``static`` (the service's certified RSA key and how it is trusted),
``identity`` (a client's own key as credential), ``objects`` (keys, resources, authorizations), ``uris``, ``plain`` (bounded JSON).

Every function that reads raises ``connector.errors.Refused`` and nothing else, with one of the codes

- ``kms-broken``: not opened or verified: wrong key, kid, signature, algorithm, size. A key service answers with a reset.
- ``kms-malformed``: authentic, but no message of the protocol. Status 400.
- ``kms-elsewhere``: names an object of another key service. Status 404.

What the draft leaves open and is closed here: an answer that carries ``method`` or ``client`` is a reflected request, and a
request that carries ``status`` a reflected answer; both are refused. ``kid`` is compared by us, for no library does it with a
direct key. The key service remembers the requestIds of an ephemeral key until it expires and repeats the stored answer; the
client takes an answer only for a requestId that is pending (``messages.answers``).
"""
