-- The JST day on which renkei began to work for a municipality: nothing is expected, missed or made up for before it.
CREATE TABLE site_start (
  dantai TEXT PRIMARY KEY,
  day TEXT NOT NULL
);

-- One file that ought to come: which exchange met it, or that none did.
CREATE TABLE expectation (
  dantai TEXT NOT NULL,
  interface TEXT NOT NULL,
  deadline TEXT NOT NULL,
  day TEXT NOT NULL,
  title TEXT NOT NULL,
  contact TEXT NOT NULL,
  state TEXT NOT NULL,
  exchange INTEGER,
  met_at TEXT,
  told_at TEXT,
  PRIMARY KEY (dantai, interface, deadline)
) WITHOUT ROWID;
CREATE INDEX expectation_day ON expectation (dantai, day);

-- The sender's running number of each accepted file; number is NULL where the file shows none.
CREATE TABLE sequence_seen (
  exchange INTEGER PRIMARY KEY,
  dantai TEXT NOT NULL,
  interface TEXT NOT NULL,
  period TEXT NOT NULL,
  number INTEGER
);
CREATE INDEX sequence_seen_number ON sequence_seen (dantai, interface, period, number)
