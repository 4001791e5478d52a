-- Times are milliseconds since 1970. What is sealed stays sealed: data and jwe hold what came, as it came.

CREATE TABLE connectors (
  number    INTEGER PRIMARY KEY,
  name      TEXT NOT NULL UNIQUE,
  version   TEXT NOT NULL DEFAULT '',
  run       TEXT,                                -- the current one
  epoch     INTEGER NOT NULL DEFAULT 0,          -- the mark
  sequence  INTEGER NOT NULL DEFAULT 0,
  seen_at   INTEGER                              -- last sign of life of the current run
) STRICT;

-- For ever: a run that was replaced must not come back.
CREATE TABLE superseded (
  connector INTEGER NOT NULL REFERENCES connectors ON DELETE CASCADE,
  run       TEXT NOT NULL,
  at        INTEGER NOT NULL,
  PRIMARY KEY (connector, run)
) STRICT, WITHOUT ROWID;

CREATE TABLE taken (
  connector INTEGER NOT NULL REFERENCES connectors ON DELETE CASCADE,
  event     TEXT NOT NULL,
  at        INTEGER NOT NULL,
  PRIMARY KEY (connector, event)
) STRICT, WITHOUT ROWID;
CREATE INDEX taken_by_age ON taken (at);

-- Orders are (epoch, sequence); (0, 0) is below every event.
CREATE TABLE mailboxes (
  number            INTEGER PRIMARY KEY,
  id                TEXT NOT NULL UNIQUE,
  connector         INTEGER NOT NULL REFERENCES connectors ON DELETE CASCADE,
  revision          INTEGER NOT NULL DEFAULT 0,  -- grows when readers would see something else
  gone_at           INTEGER,
  floor_epoch       INTEGER NOT NULL DEFAULT 0,
  floor_sequence    INTEGER NOT NULL DEFAULT 0,
  address           TEXT,                        -- blind index of the primary address
  record_epoch      INTEGER NOT NULL DEFAULT 0,
  record_sequence   INTEGER NOT NULL DEFAULT 0,
  presence          TEXT,
  presence_epoch    INTEGER NOT NULL DEFAULT 0,
  presence_sequence INTEGER NOT NULL DEFAULT 0,
  snapshot          TEXT,                        -- the open one, begun at the floor
  snapshot_epoch    INTEGER NOT NULL DEFAULT 0,
  snapshot_sequence INTEGER NOT NULL DEFAULT 0,
  complete          INTEGER NOT NULL DEFAULT 0   -- a snapshot was brought to its end
) STRICT;
CREATE INDEX mailboxes_by_address ON mailboxes (address);
CREATE INDEX mailboxes_by_connector ON mailboxes (connector);
CREATE INDEX mailboxes_gone ON mailboxes (gone_at) WHERE gone_at IS NOT NULL;

-- Without data: a tombstone, kept for its order.
CREATE TABLE meetings (
  number   INTEGER PRIMARY KEY,
  mailbox  INTEGER NOT NULL REFERENCES mailboxes ON DELETE CASCADE,
  id       TEXT NOT NULL,
  epoch    INTEGER NOT NULL,
  sequence INTEGER NOT NULL,
  at       INTEGER NOT NULL,
  starts   INTEGER,
  ends     INTEGER,
  data     TEXT,
  UNIQUE (mailbox, id)
) STRICT;
CREATE INDEX meetings_by_start ON meetings (mailbox, starts, id) WHERE data IS NOT NULL;
CREATE INDEX meetings_by_end ON meetings (ends) WHERE data IS NOT NULL;
CREATE INDEX meetings_gone ON meetings (at) WHERE data IS NULL;

-- nonce: a cursor names row and nonce, so that one from a life of the database that was lost is recognised.
CREATE TABLE outcomes (
  number   INTEGER PRIMARY KEY AUTOINCREMENT,
  nonce    TEXT NOT NULL,
  mailbox  INTEGER NOT NULL REFERENCES mailboxes ON DELETE CASCADE,
  command  TEXT NOT NULL,
  epoch    INTEGER NOT NULL,
  sequence INTEGER NOT NULL,
  at       INTEGER NOT NULL,
  data     TEXT,
  UNIQUE (mailbox, command)
) STRICT;
CREATE INDEX outcomes_by_age ON outcomes (at);

-- Without jwe: acknowledged or expired, kept so that the same id is known again.
CREATE TABLE commands (
  number    INTEGER PRIMARY KEY AUTOINCREMENT,
  nonce     TEXT NOT NULL,
  connector INTEGER NOT NULL REFERENCES connectors ON DELETE CASCADE,
  mailbox   INTEGER NOT NULL REFERENCES mailboxes ON DELETE CASCADE,
  id        TEXT NOT NULL,
  digest    BLOB NOT NULL,
  at        INTEGER NOT NULL,
  expires   INTEGER NOT NULL,
  jwe       TEXT,
  UNIQUE (mailbox, id)
) STRICT;
CREATE INDEX commands_by_age ON commands (at);
CREATE INDEX commands_waiting ON commands (connector, number) WHERE jwe IS NOT NULL;
CREATE INDEX commands_to_expire ON commands (expires) WHERE jwe IS NOT NULL;

CREATE TABLE tokens (
  id         TEXT PRIMARY KEY,
  digest     BLOB NOT NULL,
  connector  INTEGER REFERENCES connectors ON DELETE CASCADE,  -- NULL: a user's
  created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE opens (
  token   TEXT NOT NULL REFERENCES tokens ON DELETE CASCADE,
  subject TEXT NOT NULL,                         -- a mailbox id, or the blind index of an address
  PRIMARY KEY (token, subject)
) STRICT, WITHOUT ROWID;
