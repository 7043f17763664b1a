-- The ledger. Written in SQLite's words; for PostgreSQL INTEGER becomes BIGINT, TEXT gets COLLATE "C", WITHOUT ROWID goes.
-- Times are UTC RFC 3339 text; amounts are whole yen.

CREATE TABLE sequence (
  name TEXT PRIMARY KEY,
  next INTEGER NOT NULL
);

-- What each canonical table looks like now: one line "name TAB type" per column, then the key.
CREATE TABLE entity_shape (
  entity TEXT PRIMARY KEY,
  shape TEXT NOT NULL
);

-- One file received or sent.
CREATE TABLE exchange (
  id INTEGER PRIMARY KEY,
  dantai TEXT NOT NULL,
  direction TEXT NOT NULL,
  interface TEXT NOT NULL,
  file_name TEXT NOT NULL,
  state TEXT NOT NULL,
  received_at TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  sha256 TEXT,
  bytes INTEGER,
  inbox_path TEXT,
  work_name TEXT,
  layout TEXT,
  profile TEXT,
  revision TEXT,
  partner TEXT,
  accepted INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  next_at TEXT,
  claimed_by TEXT,
  lease_until TEXT,
  related INTEGER,
  records INTEGER,
  amount INTEGER,
  note TEXT
);
CREATE INDEX exchange_state ON exchange (direction, state, id);
CREATE INDEX exchange_interface ON exchange (interface, dantai, id);
CREATE INDEX exchange_sha256 ON exchange (sha256, interface, dantai);

-- One attempt at an exchange, a derivation, or a draft; with its control totals.
CREATE TABLE run (
  id INTEGER PRIMARY KEY,
  exchange INTEGER,
  interface TEXT NOT NULL,
  dantai TEXT NOT NULL,
  kind TEXT NOT NULL,
  state TEXT NOT NULL,
  base_date TEXT NOT NULL,
  revision TEXT NOT NULL,
  started_at TEXT NOT NULL,
  finished_at TEXT,
  note TEXT,
  declared INTEGER,
  read INTEGER NOT NULL,
  loaded_new INTEGER NOT NULL,
  loaded_changed INTEGER NOT NULL,
  unchanged INTEGER NOT NULL,
  closed INTEGER NOT NULL,
  vanished INTEGER NOT NULL,
  held INTEGER NOT NULL,
  rejected INTEGER NOT NULL,
  skipped INTEGER NOT NULL,
  written INTEGER NOT NULL,
  amount_declared INTEGER,
  amount_read INTEGER NOT NULL,
  amount_loaded INTEGER NOT NULL,
  amount_new INTEGER NOT NULL,
  amount_changed INTEGER NOT NULL,
  amount_unchanged INTEGER NOT NULL,
  amount_held INTEGER NOT NULL,
  amount_written INTEGER NOT NULL
);
CREATE INDEX run_exchange ON run (exchange);
CREATE INDEX run_interface ON run (interface, dantai, id);

-- Which version numbers a run wrote, per entity.
CREATE TABLE stage (
  run INTEGER NOT NULL,
  entity TEXT NOT NULL,
  first_vid INTEGER NOT NULL,
  last_vid INTEGER NOT NULL,
  staged INTEGER NOT NULL,
  closes INTEGER NOT NULL,
  applied INTEGER NOT NULL,
  PRIMARY KEY (run, entity)
) WITHOUT ROWID;

CREATE TABLE finding (
  run INTEGER NOT NULL,
  n INTEGER NOT NULL,
  code TEXT NOT NULL,
  severity TEXT NOT NULL,
  record INTEGER NOT NULL,
  line INTEGER NOT NULL,
  byte INTEGER NOT NULL,
  len INTEGER NOT NULL,
  field TEXT NOT NULL,
  value TEXT NOT NULL,
  rule_file TEXT NOT NULL,
  rule_line INTEGER NOT NULL,
  rule_column INTEGER NOT NULL,
  message TEXT NOT NULL,
  action TEXT NOT NULL,
  PRIMARY KEY (run, n)
) WITHOUT ROWID;

-- How many of each code there were, those beyond the cap of stored findings included.
CREATE TABLE finding_count (
  run INTEGER NOT NULL,
  code TEXT NOT NULL,
  severity TEXT NOT NULL,
  n INTEGER NOT NULL,
  PRIMARY KEY (run, code, severity)
) WITHOUT ROWID;

-- Records that were read and not loaded; code says why.
CREATE TABLE held (
  run INTEGER NOT NULL,
  record INTEGER NOT NULL,
  byte INTEGER NOT NULL,
  len INTEGER NOT NULL,
  line INTEGER NOT NULL,
  code TEXT NOT NULL
);
CREATE INDEX held_run ON held (run, record);

-- Totals the file declares against what was counted.
CREATE TABLE total_seen (
  run INTEGER NOT NULL,
  n INTEGER NOT NULL,
  title TEXT NOT NULL,
  declared INTEGER,
  counted INTEGER NOT NULL,
  agrees INTEGER NOT NULL,
  record INTEGER NOT NULL,
  PRIMARY KEY (run, n)
) WITHOUT ROWID;

-- Every record of an outbound file. lineage = "jumin:123,hihokensha:5" (entity and version).
CREATE TABLE out_record (
  exchange INTEGER NOT NULL,
  n INTEGER NOT NULL,
  kind TEXT NOT NULL,
  byte INTEGER NOT NULL,
  len INTEGER NOT NULL,
  key TEXT,
  hash INTEGER NOT NULL,
  change TEXT NOT NULL,
  lineage TEXT NOT NULL,
  PRIMARY KEY (exchange, n)
) WITHOUT ROWID;

-- What the partner has: the last delivered record per key.
CREATE TABLE sent (
  interface TEXT NOT NULL,
  dantai TEXT NOT NULL,
  key TEXT NOT NULL,
  hash INTEGER NOT NULL,
  exchange INTEGER NOT NULL,
  n INTEGER NOT NULL,
  PRIMARY KEY (interface, dantai, key)
) WITHOUT ROWID;

-- An operator's wish, done by the worker.
CREATE TABLE request (
  id INTEGER PRIMARY KEY,
  verb TEXT NOT NULL,
  exchange INTEGER,
  argument TEXT,
  who TEXT NOT NULL,
  note TEXT NOT NULL,
  at TEXT NOT NULL,
  done_at TEXT,
  outcome TEXT
);
CREATE INDEX request_open ON request (done_at, id);

-- Who did what and when; never changed.
CREATE TABLE event (
  id INTEGER PRIMARY KEY,
  at TEXT NOT NULL,
  who TEXT NOT NULL,
  what TEXT NOT NULL,
  exchange INTEGER,
  detail TEXT NOT NULL
);
CREATE INDEX event_exchange ON event (exchange, id)
