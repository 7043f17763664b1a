//! Every key that a declarative file may have, table by table.
//!
//! Owns: the closed lists, and when a key has a meaning. Never: reads a file; the loaders do, and
//! [`Node::finish`](super::toml_node::Node::finish) holds each of them to its list.

/// A table of a declarative file.
#[derive(Debug)]
pub struct Table {
    /// Kind of file and path of the table: `layout`, `layout record.fields`.
    pub name: &'static str,
    /// Its keys; the second word says when one may be written (Japanese, empty = always).
    pub keys: &'static [(&'static str, &'static str)],
}

impl Table {
    /// When the key may be written; `None` for a key the table never has.
    pub fn condition(&self, key: &str) -> Option<&'static str> {
        self.keys.iter().find(|(name, _)| *name == key).map(|(_, when)| *when)
    }
}

macro_rules! tables {
    ($($(#[$about:meta])* $constant:ident = $name:literal { $($key:literal $(if $when:literal)?),* $(,)? })*) => {
        $($(#[$about])* pub const $constant: Table = Table { name: $name, keys: &[$(($key, concat!($($when)?))),*] };)*
        /// All of them, in the order of the reference.
        pub const ALL: &[&Table] = &[$(&$constant),*];
    };
}

tables! {
    /// `renkei.toml`.
    CONFIG = "renkei.toml" { "version", "site", "store", "folder", "limits", "vault" }
    /// `[vault]`.
    VAULT = "renkei.toml vault" { "key_file" }
    /// `[store]`.
    STORE = "renkei.toml store" { "url" }
    /// `[folder]`.
    FOLDER = "renkei.toml folder" { "inbox", "outbox", "data" }
    /// `[limits]`.
    LIMITS = "renkei.toml limits" {
        "held", "findings_per_code", "report_rows", "poll_millis", "attempts", "set_aside_files",
        "set_aside_bytes",
    }
    /// `schemas/layouts/<id>.toml`.
    LAYOUT = "layout" {
        "version", "title", "provenance", "source", "kind", "charset", "line_end", "bom", "eof_mark", "max_record",
        "order", "record", "total", "profile",
        "separator" if "kind = \"delimited\"", "quote" if "kind = \"delimited\"", "header" if "kind = \"delimited\"",
        "root" if "kind = \"xml\"", "namespace" if "kind = \"xml\"", "max_depth" if "kind = \"xml\"",
    }
    /// `[profile.<name>]`.
    PROFILE = "layout profile" {
        "title", "charset", "line_end", "bom", "eof_mark", "max_record", "order", "field",
        "separator" if "kind = \"delimited\"", "quote" if "kind = \"delimited\"", "header" if "kind = \"delimited\"",
        "root" if "kind = \"xml\"", "namespace" if "kind = \"xml\"", "max_depth" if "kind = \"xml\"",
    }
    /// `[[record]]` of a layout.
    RECORD = "layout record" { "name", "when", "fields", "length" if "kind = \"fixed\"", "element" if "kind = \"xml\"" }
    /// `when` of a record.
    WHEN = "layout record.when" { "field", "is" }
    /// An entry of `fields`.
    FIELD = "layout record.fields" {
        "name", "type", "len", "required", "constant", "codes", "codes_unknown" if "codes もある",
        "letters", "check", "check_severity" if "check もある", "secret", "filler", "charset",
        "exact" if "kind = \"delimited\" か \"xml\"", "pad" if "kind = \"fixed\"", "path" if "kind = \"xml\"",
        "form" if "type = \"DATE\"", "era" if "form = \"GYYMMDD\"", "unknown" if "type = \"DATE\"",
        "zero_null" if "type = \"DATE\"", "open" if "type = \"DATE\"",
        "whole" if "type = \"9V\"", "fraction" if "type = \"9V\"", "accept" if "type = \"MARK\"",
    }
    /// `[[total]]`.
    TOTAL = "layout total" { "declared", "counted", "only", "scope", "zero_is_silent" }
    /// `only` of a total.
    ONLY = "layout total.only" { "field", "is" }
    /// `schemas/entities/<id>.toml`.
    ENTITY = "entity" { "version", "name", "key", "index", "newer", "column" }
    /// An entry of `column`.
    COLUMN = "entity column" { "name", "type", "secret", "vault", "guard" }
    /// `schemas/views/<id>.toml`.
    VIEW = "view" { "version", "name", "columns", "lineage", "shared", "sql" }
    /// `schemas/calendars/<id>.toml`.
    CALENDAR = "calendar" { "version", "title", "from", "until", "holidays", "weekend", "closed" }
    /// An entry of `closed`.
    CLOSED = "calendar closed" { "from", "until", "name" }
    /// `schemas/feeds/<interface>.toml`.
    FEED = "feed" { "version", "complete", "max_bytes", "overdue_seconds", "form", "expect", "sequence" }
    /// `complete` of a feed.
    COMPLETE = "feed complete" {
        "by", "millis" if "by = \"stable\" か \"trailer\"", "record" if "by = \"trailer\"",
        "suffix" if "by = \"done-file\" か \"manifest\"",
    }
    /// `[[form]]`.
    FORM = "feed form" { "pattern", "layout", "profile" }
    /// `schemas/guards/<id>.toml`.
    GUARD = "guard" { "version", "title", "view", "key", "message", "action" }
    /// `[[expect]]` of a feed.
    EXPECT = "feed expect" {
        "title", "months", "day", "weekdays", "calendar", "shift", "offset", "override", "by", "contact",
    }
    /// `[sequence]`.
    SEQUENCE = "feed sequence" { "field", "name", "start", "per" }
    /// `[[schedule]]` of a derivation or an outbound mapping.
    SCHEDULE = "schedule" { "title", "months", "day", "weekdays", "calendar", "shift", "offset", "override" }
    /// An entry of `override`.
    OVERRIDE = "schedule override" { "on", "use" }
    /// `[[requires]]` of a derivation or an outbound mapping.
    REQUIRES = "requires" { "interface" }
    /// `schemas/tables/<id>.toml`.
    DAY_TABLE = "table" { "version", "title", "view", "note" }
    /// `schemas/lists/<id>.toml`.
    LIST = "list" {
        "version", "title", "flow", "note", "from", "where", "order", "parameter", "mask", "column",
    }
    /// `[[mask]]` of a list.
    LIST_MASK = "list mask" { "guard", "key" }
    /// `[[parameter]]` of a list.
    PARAMETER = "list parameter" { "name", "title", "type", "default", "codes", "where" }
    /// `[[column]]` of a list.
    LIST_COLUMN = "list column" { "from", "title", "align", "width", "secret", "total", "codes" }
    /// `mappings/in/<interface>.toml`.
    IN = "in" { "version", "title", "layouts", "mode", "empty_full", "tolerance", "amount", "sealed", "check", "into" }
    /// `mode` written as a table.
    MODE = "in mode" { "full_when" }
    /// `tolerance`.
    TOLERANCE = "in tolerance" { "hold", "max_held" if "hold = \"record\"" }
    /// `[[check]]`.
    CHECK = "in check" { "code", "layouts", "record", "when", "expect", "severity", "field", "message", "action" }
    /// `[[into]]`.
    INTO = "in into" { "entity", "layouts", "record", "when", "close_when", "map" }
    /// `mappings/derive/<interface>.toml`.
    DERIVE = "derive" { "version", "title", "view", "entity", "after", "calendar", "schedule", "requires", "amount", "outcome" }
    /// `[[outcome]]`.
    OUTCOME = "derive outcome" { "code", "title", "when", "severity", "message" }
    /// `mappings/out/<interface>.toml`.
    OUT = "out" {
        "version", "title", "partner", "layout", "profile", "from", "mode", "send_closed", "where", "order", "group",
        "key", "name", "manifest", "release", "amount", "after", "calendar", "schedule", "requires", "send_empty",
        "split", "profile_when", "purpose", "hold", "confirm", "record",
    }
    /// `tests/interfaces/<interface>/<case>/case.toml`.
    CASE = "case" {
        "title", "base_date", "entities", "reports", "tables", "schedules", "site", "lists", "drafts", "step",
    }
    /// `[[step]]` of a case.
    CASE_STEP = "case step" { "drop", "as", "into", "with_next", "unreadable", "days", "send", "release" }
    /// `release` of a step.
    CASE_RELEASE = "case step.release" { "interface", "key", "reason" }
    /// `[[confirm]]` of an outbound mapping.
    CONFIRM = "out confirm" { "from", "entity", "column", "title", "total", "codes" }
    /// `[[profile_when]]` of an outbound mapping.
    PROFILE_WHEN = "out profile_when" { "profile", "when" }
    /// `[[record]]` of an outbound mapping.
    OUT_RECORD = "out record" { "record", "level", "map", "closed" }
    /// `[[hold]]` of an outbound mapping.
    HOLD = "out hold" {
        "guard", "key" if "guard もある", "code" if "guard がない", "when" if "guard がない", "fields" if "guard がない",
        "message" if "guard がない", "action" if "guard がない",
    }
}
