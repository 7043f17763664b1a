-- What the declarative files say, as rows for views: written at start when it changed.
CREATE TABLE site_value (
  dantai TEXT NOT NULL,
  item TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (dantai, item)
) WITHOUT ROWID;

-- number counts open days from the calendar's first day up to and including the day.
CREATE TABLE calendar_day (
  dantai TEXT NOT NULL,
  calendar TEXT NOT NULL,
  day TEXT NOT NULL,
  open INTEGER NOT NULL,
  number INTEGER NOT NULL,
  next_open TEXT,
  prev_open TEXT,
  name TEXT NOT NULL,
  PRIMARY KEY (dantai, calendar, day)
) WITHOUT ROWID;
CREATE INDEX calendar_day_number ON calendar_day (dantai, calendar, number);

CREATE TABLE code_value (
  dantai TEXT NOT NULL,
  code_table TEXT NOT NULL,
  code TEXT NOT NULL,
  name TEXT NOT NULL,
  column1 TEXT,
  column2 TEXT,
  column3 TEXT,
  PRIMARY KEY (dantai, code_table, code)
) WITHOUT ROWID;

-- SHA-256 over the rows that stand in the three tables.
CREATE TABLE relation_state (
  dantai TEXT PRIMARY KEY,
  fingerprint TEXT NOT NULL
)
