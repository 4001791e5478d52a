"""The key service behind the open protocol, as a client of it: directly, or through the hub, which carries strings it can't read.

::

    service.KmsKeyService      connector.seal.base.KeyService: one resource a mailbox, its current key, who may read
      verbs.Verbs              the operations of the protocol, typed
        convoy.Convoy          calls of many threads ride together
          session.Session      handshake, renewal, reset; seals requests and pairs answers
            lookout.Lookout    sees the service come back
            transport          HTTPS, a Unix socket, the hub
"""
