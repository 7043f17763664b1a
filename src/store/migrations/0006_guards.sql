-- Who did what and when, each row bound to the one before it: hash = SHA-256 over the row and prev, the hash before.
-- Takes the place of event, whose rows the program moves here.
CREATE TABLE audit (
  id INTEGER PRIMARY KEY,
  at TEXT NOT NULL,
  who TEXT NOT NULL,
  what TEXT NOT NULL,
  exchange INTEGER,
  subject TEXT NOT NULL,
  detail TEXT NOT NULL,
  prev TEXT NOT NULL,
  hash TEXT NOT NULL
);
CREATE INDEX audit_exchange ON audit (exchange, id);

-- Rows of a draft that were kept back; message and action name no protected value.
CREATE TABLE out_held (
  exchange INTEGER NOT NULL,
  n INTEGER NOT NULL,
  key TEXT NOT NULL,
  hash INTEGER NOT NULL,
  code TEXT NOT NULL,
  message TEXT NOT NULL,
  PRIMARY KEY (exchange, n)
) WITHOUT ROWID;
CREATE INDEX out_held_key ON out_held (key, exchange);

-- Rows an operator let go, as they are: another hash is another row. after_run = last run when it was decided.
CREATE TABLE out_release (
  interface TEXT NOT NULL,
  dantai TEXT NOT NULL,
  key TEXT NOT NULL,
  hash INTEGER NOT NULL,
  who TEXT NOT NULL,
  reason TEXT NOT NULL,
  at TEXT NOT NULL,
  after_run INTEGER NOT NULL,
  PRIMARY KEY (interface, dantai, key, hash)
) WITHOUT ROWID;

-- Values kept apart: token = keyed hash of the value, sealed = the value encrypted under the key key_id.
CREATE TABLE vault (
  token TEXT PRIMARY KEY,
  key_id TEXT NOT NULL,
  sealed TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX vault_key_id ON vault (key_id);

-- The key that tokens are made with, itself sealed.
CREATE TABLE vault_key (
  name TEXT PRIMARY KEY,
  key_id TEXT NOT NULL,
  sealed TEXT NOT NULL
) WITHOUT ROWID
