"""The daemon's Unix socket: commands of administrators, one request a connection, JSON lines.

The server's side is here, the side of the commands in ``connector.control.client``.
"""

from connector.control.peer import Access, Caller
from connector.control.server import ControlServer, Verb
from connector.control.wire import SOCKET

__all__ = ["SOCKET", "Access", "Caller", "ControlServer", "Verb"]
