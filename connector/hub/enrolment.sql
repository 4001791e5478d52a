-- Version 2: connectors that prove themselves by a key of their own.

-- One-time tokens. key: the thumbprint that it was used for, so that an answer lost on the way can be asked for again.
CREATE TABLE enrolments (
  id         TEXT PRIMARY KEY,
  digest     BLOB NOT NULL,
  connector  INTEGER NOT NULL REFERENCES connectors ON DELETE CASCADE,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  key        TEXT
) STRICT;

-- Public keys by thumbprint; the private halves never leave their appliances.
CREATE TABLE keys (
  id         TEXT PRIMARY KEY,
  public     TEXT NOT NULL,
  connector  INTEGER NOT NULL REFERENCES connectors ON DELETE CASCADE,
  created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX keys_by_connector ON keys (connector);
