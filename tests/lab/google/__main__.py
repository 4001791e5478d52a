"""`python -m tests.lab.google`: start the lab, print where it is as one line of JSON, serve until told to stop."""

import argparse
import json
import os
import signal
import sys
import tempfile
import threading
from pathlib import Path

from tests.lab.exchange.certificates import Authority
from tests.lab.exchange.clock import Clock
from tests.lab.google import admin, server
from tests.lab.google.tenant import Tenant


def main() -> int:
    """Serve until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="python -m tests.lab.google", description=__doc__)
    parser.add_argument("--dir", type=Path, help="where certificates and the key file are kept")
    parser.add_argument("--users", type=int, default=10, help="user1@DOMAIN to userN@DOMAIN")
    parser.add_argument("--domain", default="brand.example")
    parser.add_argument("--listen", default="127.0.0.1")
    given = parser.parse_args()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    folder = given.dir or Path(tempfile.mkdtemp(prefix="lab-google-"))
    folder.mkdir(parents=True, exist_ok=True)
    clock = Clock()
    tenant = Tenant(given.domain, clock.now, given.users)
    key_file = folder / "key.json"
    key_file.touch(mode=0o600)
    key_file.write_text(json.dumps(tenant.new_key(), indent=2), encoding="utf-8")
    authority = Authority(folder, clock.now())
    lab = server.build(tenant)
    door = server.start(lab, given.listen, str(authority.issue(list(server.HOSTS), clock.now()).path))
    ready = {
        "port": door.server_port,
        "admin": f"http://127.0.0.1:{admin.start(admin.Admin(lab, clock)).server_port}",
        "ca": str(authority.path),
        "key_file": str(key_file),
        "domain": given.domain,
        "pid": os.getpid(),
    }
    print(json.dumps(ready), flush=True)
    stop.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
