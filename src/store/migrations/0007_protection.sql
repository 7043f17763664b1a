-- What protected a row when it was kept back, and when it was let go: a hash over what its guard says of it, 0 for other holds.
-- A release holds for that protection only: one that ends and begins anew keeps the row back again.
ALTER TABLE out_held ADD COLUMN protection INTEGER NOT NULL DEFAULT 0;

-- As part of the key, which no database changes in place.
CREATE TABLE out_release_new (
  interface TEXT NOT NULL,
  dantai TEXT NOT NULL,
  key TEXT NOT NULL,
  hash INTEGER NOT NULL,
  protection INTEGER NOT NULL,
  who TEXT NOT NULL,
  reason TEXT NOT NULL,
  at TEXT NOT NULL,
  after_run INTEGER NOT NULL,
  PRIMARY KEY (interface, dantai, key, hash, protection)
) WITHOUT ROWID;
INSERT INTO out_release_new (interface, dantai, key, hash, protection, who, reason, at, after_run)
  SELECT interface, dantai, key, hash, 0, who, reason, at, after_run FROM out_release;
DROP TABLE out_release;
ALTER TABLE out_release_new RENAME TO out_release;
