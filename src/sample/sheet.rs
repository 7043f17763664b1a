//! One file being made: data items by name, written through the site's own layout.
//!
//! Owns: the way from (record kind, items) to renkei's writer, and moving a finished file into place under its name.
//! Never: knows bytes of a format (`codec`), decides what is in a file.

use std::fs::{self, File};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::codec::RecordWriter;
use crate::schema::layout::Layout;
use crate::value::Value;

use super::SampleError;

/// Data items of a record: Japanese name and value, best in the order of the layout.
pub(crate) type Items<'a> = &'a [(&'a str, Value<'a>)];

/// A file being made, through a writer that knows its layout.
pub(crate) struct Sheet<W: Write + Seek> {
    writer: RecordWriter<W>,
    layout: Arc<Layout>,
}

impl<W: Write + Seek> Sheet<W> {
    /// A sheet over any writer.
    pub(crate) fn new(layout: Arc<Layout>, out: W) -> io::Result<Self> {
        Ok(Sheet { writer: RecordWriter::new(Arc::clone(&layout), out)?, layout })
    }

    /// Writes one record; items that are not named are constants, totals or empty.
    pub(crate) fn write(&mut self, record: &str, items: Items<'_>) -> Result<(), SampleError> {
        let unknown = |item: &str| SampleError::Unknown {
            layout: self.layout.file.clone(),
            record: record.to_owned(),
            item: item.to_owned(),
        };
        let kind = self.layout.record(record).ok_or_else(|| unknown(""))?;
        let fields = &self.layout.records[kind].fields;
        let mut values = vec![Value::Null; fields.len()];
        let mut at = 0;
        for (name, value) in items {
            // Items come in the layout's order, so the search mostly ends at once.
            let after = fields[at..].iter().position(|f| f.name == *name).map(|i| at + i);
            let found = after.or_else(|| fields[..at].iter().position(|f| f.name == *name));
            at = found.ok_or_else(|| unknown(name))?;
            values[at] = *value;
        }
        self.writer.write(kind, &values)?.map(|_| ()).map_err(|findings| SampleError::Write {
            layout: self.layout.file.clone(),
            record: record.to_owned(),
            why: findings.into_iter().map(|f| f.message).collect::<Vec<_>>().join(" / "),
        })
    }

    /// Ends the file and gives the output back.
    pub(crate) fn finish(self) -> io::Result<W> {
        self.writer.finish().map(|(out, _)| out)
    }
}

/// A file under a name that no feed takes, until [`Draft::place`] renames it.
pub(crate) struct Draft {
    file: File,
    draft: PathBuf,
    target: PathBuf,
}

impl Draft {
    /// Opens `<folder>/.<name>.part`, making the folder.
    pub(crate) fn open(folder: &Path, name: &str) -> io::Result<Draft> {
        fs::create_dir_all(folder)?;
        let draft = folder.join(format!(".{name}.part"));
        let file = File::create(&draft)?;
        Ok(Draft { file, draft, target: folder.join(name) })
    }

    /// Renames; says how many bytes the file has.
    pub(crate) fn place(self) -> io::Result<u64> {
        let size = self.file.metadata()?.len();
        fs::rename(&self.draft, &self.target)?;
        Ok(size)
    }
}

impl Write for Draft {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Seek for Draft {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}

/// A text, or nothing when it is empty.
pub(crate) fn text(s: &str) -> Value<'_> {
    if s.is_empty() { Value::Null } else { Value::Text(s) }
}
