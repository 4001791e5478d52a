-- The first layout. Times are microseconds since 1970-01-01T00:00Z. Columns named `sealed` hold what the state
-- cipher made of a JSON object; columns named `*_digest` hold its keyed digests. All other columns are opaque ids,
-- times, cursors, codes, counters, names from the configuration, or JWE strings.

CREATE TABLE life (
  one            INTEGER PRIMARY KEY CHECK (one = 1),
  epoch          INTEGER NOT NULL,
  last_sequence  INTEGER NOT NULL,
  created_at     INTEGER NOT NULL
) STRICT;

CREATE TABLE settings (
  name    TEXT PRIMARY KEY,
  sealed  BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE mailboxes (
  number          INTEGER PRIMARY KEY,
  id              TEXT NOT NULL UNIQUE,
  source          TEXT NOT NULL,
  policy          TEXT NOT NULL,
  origin          TEXT NOT NULL,
  left_at         INTEGER,
  address_digest  TEXT NOT NULL,
  sealed          BLOB NOT NULL,
  UNIQUE (address_digest, source)
) STRICT;

CREATE TABLE sessions (
  mailbox_id       TEXT PRIMARY KEY REFERENCES mailboxes (id) ON DELETE CASCADE,
  phase            INTEGER NOT NULL,
  due              INTEGER NOT NULL,
  version          INTEGER NOT NULL,
  cursor           TEXT,
  revision         INTEGER NOT NULL,
  attempts         INTEGER NOT NULL,
  reason           TEXT,
  load_stage       TEXT,
  load_generation  INTEGER,
  load_resend      INTEGER,
  load_filled_to   INTEGER,
  load_snapshot    TEXT,
  covered          INTEGER,
  synced_at        INTEGER,
  presence_at      INTEGER,
  presence_digest  TEXT,
  failed_at        INTEGER,
  resume           INTEGER,
  erase            INTEGER NOT NULL
) STRICT;

CREATE INDEX sessions_phase ON sessions (phase);

-- Every question about meetings names the mailbox, and a mailbox has a few hundred: clustered by it, they need no
-- index but the key.
CREATE TABLE meetings (
  mailbox_id      TEXT NOT NULL REFERENCES mailboxes (id) ON DELETE CASCADE,
  meeting_id      TEXT NOT NULL,
  series_key      TEXT NOT NULL,
  item_id         TEXT NOT NULL,
  home_id         TEXT NOT NULL,
  change_key      TEXT NOT NULL,
  original_start  INTEGER NOT NULL,
  start_at        INTEGER NOT NULL,
  end_at          INTEGER NOT NULL,
  digest          TEXT NOT NULL,
  digest_version  INTEGER NOT NULL,
  rules_version   INTEGER NOT NULL,
  key_uri         TEXT NOT NULL,
  revision        INTEGER NOT NULL,
  generation      INTEGER NOT NULL,
  PRIMARY KEY (mailbox_id, meeting_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE quarantine (
  mailbox_id  TEXT NOT NULL REFERENCES mailboxes (id) ON DELETE CASCADE,
  item_id     TEXT NOT NULL,
  code        TEXT NOT NULL,
  PRIMARY KEY (mailbox_id, item_id)
) STRICT, WITHOUT ROWID;

-- All rows are of the present epoch: raising it numbers them anew.
CREATE TABLE outbox (
  sequence    INTEGER PRIMARY KEY,
  id          TEXT NOT NULL UNIQUE,
  kind        TEXT NOT NULL,
  mailbox_id  TEXT NOT NULL,
  meeting_id  TEXT,
  revision    INTEGER NOT NULL,
  key_uri     TEXT NOT NULL,
  starts      INTEGER,
  barrier     INTEGER NOT NULL,  -- 1: nothing of its mailbox may overtake it
  claimed     INTEGER NOT NULL,
  attempts    INTEGER NOT NULL,
  queued_at   INTEGER NOT NULL,
  data        BLOB NOT NULL
) STRICT;

CREATE INDEX outbox_meeting ON outbox (mailbox_id, meeting_id, sequence);
CREATE INDEX outbox_barrier ON outbox (mailbox_id, sequence) WHERE barrier = 1;
CREATE INDEX outbox_urgent ON outbox (starts, sequence, mailbox_id, meeting_id)
  WHERE claimed = 0 AND barrier = 0 AND starts IS NOT NULL;
CREATE INDEX outbox_claimed ON outbox (sequence) WHERE claimed = 1;
CREATE INDEX outbox_age ON outbox (queued_at);

CREATE TABLE dead_letters (
  number      INTEGER PRIMARY KEY,
  id          TEXT NOT NULL UNIQUE,
  kind        TEXT NOT NULL,
  mailbox_id  TEXT NOT NULL,
  meeting_id  TEXT,
  revision    INTEGER NOT NULL,
  key_uri     TEXT NOT NULL,
  starts      INTEGER,
  epoch       INTEGER NOT NULL,
  sequence    INTEGER NOT NULL,
  attempts    INTEGER NOT NULL,
  queued_at   INTEGER NOT NULL,
  code        TEXT NOT NULL,
  buried_at   INTEGER NOT NULL,
  sealed      BLOB NOT NULL
) STRICT;

CREATE INDEX dead_letters_mailbox ON dead_letters (mailbox_id);

CREATE TABLE commands (
  number       INTEGER PRIMARY KEY,
  id           TEXT NOT NULL UNIQUE,
  mailbox_id   TEXT NOT NULL,
  received_at  INTEGER NOT NULL,
  sealed       BLOB NOT NULL
) STRICT;

CREATE INDEX commands_mailbox ON commands (mailbox_id, number);

CREATE TABLE seen_commands (
  id       TEXT PRIMARY KEY,
  seen_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX seen_commands_age ON seen_commands (seen_at);

CREATE TABLE wrapped_keys (
  uri          TEXT PRIMARY KEY,
  mailbox_id   TEXT NOT NULL,
  wrapped      BLOB NOT NULL,
  kek_version  INTEGER NOT NULL,
  created_at   INTEGER NOT NULL,
  retired_at   INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX wrapped_keys_mailbox ON wrapped_keys (mailbox_id);
CREATE INDEX wrapped_keys_retired ON wrapped_keys (retired_at) WHERE retired_at IS NOT NULL;

CREATE TABLE subscriptions (
  mailbox_id  TEXT PRIMARY KEY,
  source      TEXT NOT NULL,
  made_at     INTEGER NOT NULL,
  sealed      BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX subscriptions_source ON subscriptions (source);

CREATE TABLE audit (
  number          INTEGER PRIMARY KEY,
  at              INTEGER NOT NULL,
  action          TEXT NOT NULL,
  mailbox_digest  TEXT NOT NULL,
  chain           TEXT NOT NULL,
  sealed          BLOB NOT NULL
) STRICT;

CREATE INDEX audit_action ON audit (action, at);
CREATE INDEX audit_mailbox ON audit (mailbox_digest, action, at);

-- Where the chain begins (the last purged row) and where it ends: a trail cut short at either end is noticed.
CREATE TABLE audit_ends (
  one            INTEGER PRIMARY KEY CHECK (one = 1),
  anchor_number  INTEGER NOT NULL,
  anchor_chain   TEXT NOT NULL,
  head_number    INTEGER NOT NULL,
  head_chain     TEXT NOT NULL
) STRICT;

INSERT INTO audit_ends VALUES (1, 0, '', 0, '');
