"""The store as plain dictionaries under one lock: for tests, and the measure the other adapters are held against.

It is written to be read: the rules of ``base.Store`` stand here in their plainest form, without regard to speed.
A verb checks everything that can refuse it before it changes anything, so each is atomic.
"""

from connector.store.memory.store import MemoryStore

__all__ = ["MemoryStore"]
