"""The baseline of ``streams``: stock exchangelib, a thread and a streaming connection for each mailbox, until it is killed."""

from __future__ import annotations

import os
import sys
import threading
import warnings
from typing import Any

from scripts.benchmarks.stage import people
from scripts.benchmarks.stage.wire import many_files


def main() -> None:
    """``URL CA COUNT``: open the streams and keep them."""
    url, authority, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    os.environ["REQUESTS_CA_BUNDLE"] = authority  # how stock exchangelib is told of a CA
    warnings.simplefilter("ignore")
    many_files()
    threads = [threading.Thread(target=_stream, args=(url, number)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _stream(url: str, number: int) -> None:
    from exchangelib.services import GetStreamingEvents, SubscribeToStreaming  # noqa: PLC0415 - after the environment

    account = _account(url, number)
    subscribe = SubscribeToStreaming(account=account)
    (subscription,) = subscribe.call(folders=[_calendar(account)], event_types=["ModifiedEvent"])
    for _ in GetStreamingEvents(account=account).call([subscription], connection_timeout=30):
        continue


def _account(url: str, number: int) -> Any:
    import exchangelib  # noqa: PLC0415 - as above

    configuration = exchangelib.Configuration(
        service_endpoint=url,
        credentials=exchangelib.Credentials(
            f"svc{number}", "bench"
        ),  # a pool of its own, as one session would block all
        auth_type=exchangelib.BASIC,
        version=exchangelib.Version(exchangelib.Build(15, 1)),
    )
    address = people.address(number)
    return exchangelib.Account(
        address, config=configuration, access_type=exchangelib.IMPERSONATION, autodiscover=False
    )


def _calendar(account: Any) -> Any:
    from exchangelib.folders import DistinguishedFolderId  # noqa: PLC0415 - as above
    from exchangelib.properties import Mailbox  # noqa: PLC0415 - as above

    return DistinguishedFolderId(id="calendar", mailbox=Mailbox(email_address=account.primary_smtp_address))


if __name__ == "__main__":
    main()
