"""Contract classes, one for each protocol; asserts in them explain themselves as those in test files do."""

import pytest

pytest.register_assert_rewrite(
    "tests.contract.store_index",
    "tests.contract.store_mailboxes",
    "tests.contract.store_outbox",
    "tests.contract.store_records",
)
