-- The key server's database. Times are microseconds since 1970 UTC. No key stands here but wrapped.

CREATE TABLE facts (
  name  TEXT PRIMARY KEY,
  value TEXT NOT NULL
) WITHOUT ROWID;

-- Key encryption keys by version; exactly one wraps what is new.
CREATE TABLE keks (
  version    INTEGER PRIMARY KEY,
  created_at INTEGER NOT NULL,
  state      TEXT NOT NULL CHECK (state IN ('active', 'inactive'))
);
CREATE UNIQUE INDEX one_active_kek ON keks (state) WHERE state = 'active';

-- Secrets of the server itself, such as the key of the audit chain.
CREATE TABLE secrets (
  name        TEXT PRIMARY KEY,
  kek_version INTEGER NOT NULL REFERENCES keks,
  wrapped     BLOB NOT NULL
) WITHOUT ROWID;

CREATE TABLE resources (
  id         TEXT PRIMARY KEY,
  creator    TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER
) WITHOUT ROWID;

CREATE TABLE keys (
  id          TEXT PRIMARY KEY,
  owner       TEXT NOT NULL,
  client      TEXT NOT NULL,
  created_at  INTEGER NOT NULL,
  expires_at  INTEGER NOT NULL,
  resource    TEXT REFERENCES resources,
  bound_at    INTEGER,
  state       TEXT NOT NULL CHECK (state IN ('active', 'no-encrypt', 'disabled', 'destroyed')),
  destroy_at  INTEGER,
  kek_version INTEGER NOT NULL REFERENCES keks,
  wrapped     BLOB NOT NULL,
  CHECK ((state = 'destroyed') = (length(wrapped) = 0))
) WITHOUT ROWID;
CREATE INDEX keys_of_resource ON keys (resource, bound_at);
CREATE INDEX keys_under_kek ON keys (kek_version) WHERE state != 'destroyed';
CREATE VIEW keys_to_rewrap AS
  SELECT * FROM keys
  WHERE state != 'destroyed' AND kek_version IN (SELECT version FROM keks WHERE state = 'inactive');
CREATE INDEX keys_unbound ON keys (expires_at) WHERE resource IS NULL;

-- auth_id is a user, another resource's URI, or anonymous:ID; a digest stands with an anonymous one's token.
CREATE TABLE authorizations (
  id         TEXT PRIMARY KEY,
  resource   TEXT NOT NULL REFERENCES resources ON DELETE CASCADE,
  auth_id    TEXT NOT NULL,
  digest     BLOB,
  created_at INTEGER NOT NULL,
  UNIQUE (resource, auth_id)
) WITHOUT ROWID;
CREATE INDEX authorizations_of_user ON authorizations (auth_id);

-- Append-only: each row's chain is an HMAC over the one before and its own text.
CREATE TABLE audit (
  number INTEGER PRIMARY KEY,
  at     INTEGER NOT NULL,
  text   TEXT NOT NULL,
  chain  BLOB NOT NULL
);
CREATE INDEX audit_at ON audit (at);
CREATE TABLE audit_ends (
  one           INTEGER PRIMARY KEY CHECK (one = 1),
  anchor_number INTEGER NOT NULL,
  anchor_chain  BLOB NOT NULL,
  head_number   INTEGER NOT NULL,
  head_chain    BLOB NOT NULL
);
INSERT INTO audit_ends VALUES (1, 0, x'', 0, x'');
CREATE TRIGGER audit_stays BEFORE UPDATE ON audit BEGIN SELECT raise(ABORT, 'the audit trail is append-only'); END;
