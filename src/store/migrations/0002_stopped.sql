-- The state in which an exchange stood when the machine had failed with it too often; an operator has it go on from there.
ALTER TABLE exchange ADD COLUMN stopped_in TEXT
