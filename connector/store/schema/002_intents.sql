-- What keywords ask for. Which keyword, whose conference and what became of it rests sealed; in clear stand opaque ids and
-- times alone. `due` is when an intent is to be looked at, NULL while nothing changes.

CREATE TABLE intents (
  mailbox_id  TEXT NOT NULL REFERENCES mailboxes (id) ON DELETE CASCADE,
  place       TEXT NOT NULL,
  series_key  TEXT NOT NULL,
  due         INTEGER,
  until       INTEGER NOT NULL,
  sealed      BLOB NOT NULL,
  PRIMARY KEY (mailbox_id, place)
) STRICT;

CREATE INDEX intents_series ON intents (series_key);
CREATE INDEX intents_due ON intents (mailbox_id, due) WHERE due IS NOT NULL;
CREATE INDEX intents_age ON intents (until);
