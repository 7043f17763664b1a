-- The state in which an exchange stood when the machine had failed with it too often; an operator has it go on from there.
ALTER TABLE exchange ADD COLUMN stopped_in TEXT
;
-- Of a duplicate: how many more files with the same bytes came, which have no row of their own.
ALTER TABLE exchange ADD COLUMN repeated INTEGER NOT NULL DEFAULT 0
