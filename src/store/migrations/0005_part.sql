-- Of a draft that is cut into several files: the values of the columns that cut it (U+001F between); NULL is all of them.
ALTER TABLE exchange ADD COLUMN part TEXT
