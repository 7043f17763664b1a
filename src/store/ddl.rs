//! The canonical tables of an entity: `v_<id>` (versions), `c_<id>` (which version stands) and, where a column orders versions,
//! `t_<id>` (which version of a closed key an older one must not pass).
//!
//! Additive changes of a declaration apply themselves; destructive ones (a column dropped or retyped, another key) are refused
//! with a finding, and nothing of that entity changes. What a table looks like is remembered in `entity_shape`.
//!
//! Versions have no index on the key: what stands is found through `c_`, a trace goes by `_vid`, and the history of one key is
//! a rare question that may scan. Maintaining such an index would cost every load about a tenth. Declared secondary indexes are
//! made by [`ensure_indexes`] after the first load.

use super::open::dialect_sql;
use super::{Conn, Dialect, Result, quote};
use crate::finding::Finding;
use crate::schema::entity::{Column, Entity};
use crate::value::{Type, Value};

/// Longest identifier PostgreSQL keeps, in bytes of UTF-8.
const NAME_LIMIT: usize = 63;
/// Tables with no more rows than this get no statistics: taking them makes every statement be prepared again.
const FEW_ROWS: u64 = 1000;

/// Creates or upgrades the tables of every entity.
///
/// # Errors
/// The store's. What a declaration does wrong comes back as findings; its entity's tables are left as they are.
pub fn ensure_entities<'a>(conn: &mut Conn, entities: impl IntoIterator<Item = &'a Entity>) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for entity in entities {
        findings.extend(conn.transaction(|conn| ensure_entity(conn, entity))?);
    }
    Ok(findings)
}

fn ensure_entity(conn: &mut Conn, entity: &Entity) -> Result<Vec<Finding>> {
    let long = long_names(entity);
    if !long.is_empty() {
        return Ok(long);
    }
    let id = [Value::Text(&entity.id)];
    let known = conn.query_opt("SELECT shape FROM entity_shape WHERE entity = ?1", &id, |r| r.string(0))?;
    let wanted = Shape::of(entity);
    match known.as_deref().map(Shape::parse) {
        None => create(conn, entity)?,
        Some(known) if known == wanted => return Ok(Vec::new()),
        Some(known) => {
            let refused = known.refuse(entity, &wanted);
            if !refused.is_empty() {
                return Ok(refused);
            }
            let table = quote(&format!("v_{}", entity.id));
            remember_closed(conn, entity)?;
            for column in &wanted.columns {
                if !known.columns.contains(column) {
                    let sql = format!("ALTER TABLE {table} ADD COLUMN {} {}", quote(column.0), sql_type(column.1));
                    let sql = dialect_sql(&sql, conn.dialect());
                    conn.script(&sql)?;
                }
            }
        }
    }
    conn.execute(
        "INSERT INTO entity_shape (entity, shape) VALUES (?1, ?2)
         ON CONFLICT (entity) DO UPDATE SET shape = excluded.shape",
        &[id[0], Value::Text(&wanted.to_text())],
    )?;
    Ok(Vec::new())
}

fn create(conn: &mut Conn, entity: &Entity) -> Result<()> {
    let mut versions = "_vid INTEGER PRIMARY KEY, _dantai TEXT NOT NULL, _src TEXT".to_owned();
    for number in ["_run", "_rec", "_off", "_len", "_op", "_hash"] {
        versions.push_str(&format!(", {number} INTEGER NOT NULL"));
    }
    for column in &entity.columns {
        versions.push_str(&format!(", {} {}", quote(&column.name), sql_type(word(column.ty))));
    }
    let (columns, key) = key_columns(entity);
    let sql = format!(
        "CREATE TABLE {v} ({versions});
         CREATE TABLE {c} (_dantai TEXT NOT NULL, {columns}, _vid INTEGER NOT NULL, _hash INTEGER NOT NULL,
           PRIMARY KEY (_dantai, {key})) WITHOUT ROWID;",
        v = quote(&format!("v_{}", entity.id)),
        c = quote(&format!("c_{}", entity.id)),
    );
    conn.script(&dialect_sql(&sql, conn.dialect()))?;
    remember_closed(conn, entity)
}

/// The table of closed keys, for an entity with a column that orders versions.
fn remember_closed(conn: &mut Conn, entity: &Entity) -> Result<()> {
    if entity.newer.is_none() {
        return Ok(());
    }
    let (columns, key) = key_columns(entity);
    let sql = format!(
        "CREATE TABLE IF NOT EXISTS {} (_dantai TEXT NOT NULL, {columns}, _vid INTEGER NOT NULL,
           PRIMARY KEY (_dantai, {key})) WITHOUT ROWID",
        quote(&format!("t_{}", entity.id)),
    );
    conn.script(&dialect_sql(&sql, conn.dialect()))
}

/// Key columns as a table declares them, and their names alone; both separated by commas.
fn key_columns(entity: &Entity) -> (String, String) {
    let columns = || entity.key.iter().map(|k| &entity.columns[*k]);
    let declared: Vec<String> =
        columns().map(|c| format!("{} {} NOT NULL", quote(&c.name), sql_type(word(c.ty)))).collect();
    let names: Vec<String> = columns().map(|c| quote(&c.name)).collect();
    (declared.join(", "), names.join(", "))
}

/// Makes the declared secondary indexes that are missing, drops those no longer declared, and refreshes the planner's
/// statistics. Call it after the first load (rows first, indexes after: several times faster), and after a declaration changed.
///
/// # Errors
/// The store's.
pub fn ensure_indexes(conn: &mut Conn, entity: &Entity) -> Result<()> {
    let wanted: Vec<(String, String)> = entity
        .indexes
        .iter()
        .map(|columns| {
            let columns: Vec<String> = columns.iter().map(|c| quote(&entity.columns[*c].name)).collect();
            let columns = columns.join(", ");
            (index_name(&entity.id, &columns), columns)
        })
        .collect();
    let present = present_indexes(conn, entity)?;
    let missing: Vec<_> = wanted.iter().filter(|(name, _)| !present.contains(name)).collect();
    let stale: Vec<_> = present.iter().filter(|name| wanted.iter().all(|(w, _)| w != *name)).collect();
    for name in &stale {
        conn.script(&format!("DROP INDEX {}", quote(name)))?;
    }
    for (name, columns) in &missing {
        let table = quote(&format!("v_{}", entity.id));
        conn.script(&format!("CREATE INDEX {} ON {table} ({columns})", quote(name)))?;
    }
    if missing.is_empty() && stale.is_empty() {
        return Ok(());
    }
    // Statistics of a few rows would be worse than none once there are many.
    let many = format!("SELECT 1 FROM {} LIMIT 1 OFFSET {FEW_ROWS}", quote(&format!("v_{}", entity.id)));
    // PostgreSQL keeps them by column, so the load has left them already.
    if conn.dialect() == Dialect::Sqlite && conn.query_opt(&many, &[], |_| Ok(()))?.is_some() {
        analyze(conn, entity)?;
    }
    // The log now holds whole indexes: what comes next, and whoever opens the database, should not find it.
    if conn.in_transaction() { Ok(()) } else { conn.checkpoint() }
}

/// Are the declared secondary indexes there?
///
/// # Errors
/// The store's.
pub fn has_indexes(conn: &mut Conn, entity: &Entity) -> Result<bool> {
    Ok(present_indexes(conn, entity)?.len() >= entity.indexes.len())
}

fn present_indexes(conn: &mut Conn, entity: &Entity) -> Result<Vec<String>> {
    let sql = match conn.dialect() {
        Dialect::Sqlite => "SELECT name FROM sqlite_master WHERE type = 'index' AND tbl_name = ?1 ORDER BY name",
        Dialect::Postgres => {
            "SELECT indexname FROM pg_indexes WHERE schemaname = current_schema() AND tablename = ?1 ORDER BY indexname"
        }
    };
    let names = conn.query(sql, &[Value::Text(&format!("v_{}", entity.id))], |r| r.string(0))?;
    Ok(names.into_iter().filter(|n| n.starts_with("i_")).collect())
}

/// Statistics for the planner, sampled: milliseconds whatever the size.
pub(super) fn analyze(conn: &mut Conn, entity: &Entity) -> Result<()> {
    if conn.dialect() == Dialect::Sqlite {
        conn.script("PRAGMA analysis_limit=1000")?;
    }
    for prefix in ["v", "c"] {
        conn.script(&format!("ANALYZE {}", quote(&format!("{prefix}_{}", entity.id))))?;
    }
    Ok(())
}

/// [`analyze`] after a load that changed the size of a table by much: views join on what was just loaded.
pub(super) fn analyze_after(conn: &mut Conn, entity: &Entity, rows: u64) -> Result<()> {
    if rows > FEW_ROWS { analyze(conn, entity) } else { Ok(()) }
}

/// SQL type of a column, in SQLite's words.
pub(super) fn column_type(entity: &Entity, column: usize) -> &'static str {
    sql_type(word(entity.columns[column].ty))
}

/// Named after what it indexes, so that a changed declaration gets a new index.
fn index_name(id: &str, columns: &str) -> String {
    let hash = twox_hash::XxHash3_64::oneshot(columns.as_bytes()) as u32;
    let id: String = id.chars().take(40).collect();
    format!("i_{id}_{hash:08x}")
}

/// PostgreSQL cuts longer names off without an error; two of them could become one.
fn long_names(entity: &Entity) -> Vec<Finding> {
    let long = entity.columns.iter().filter(|c| c.name.len() > NAME_LIMIT);
    long.map(|c| {
        let message = format!("列名「{}」が長すぎます（UTF-8 で {} バイト）", c.name, c.name.len());
        Finding::rule("entity-name-too-long", c.place.clone(), message)
            .with_action(format!("{NAME_LIMIT} バイト（全角 21 文字）以内の名前にしてください"))
    })
    .collect()
}

fn word(ty: Type) -> &'static str {
    if ty == Type::Int { "int" } else { "text" }
}

/// Values of the vault are text in the table, but never become plain text or plain text them.
fn shape_word(column: &Column) -> &'static str {
    if column.vault { "vault" } else { word(column.ty) }
}

/// SQL type of values, in SQLite's words.
pub(super) fn type_of(ty: Type) -> &'static str {
    sql_type(word(ty))
}

fn sql_type(word: &str) -> &'static str {
    if word == "int" { "INTEGER" } else { "TEXT" }
}

/// What a table looks like: columns as (name, "int" or "text"), key columns by name in order, are closed keys remembered?
#[derive(PartialEq, Eq)]
struct Shape<'a> {
    columns: Vec<(&'a str, &'a str)>,
    key: Vec<&'a str>,
    closed: bool,
}

impl<'a> Shape<'a> {
    fn of(entity: &'a Entity) -> Self {
        Shape {
            columns: entity.columns.iter().map(|c| (c.name.as_str(), shape_word(c))).collect(),
            key: entity.key.iter().map(|k| entity.columns[*k].name.as_str()).collect(),
            closed: entity.newer.is_some(),
        }
    }

    /// Columns, an empty line, key columns; with closed keys another empty line and their table.
    fn to_text(&self) -> String {
        let columns: Vec<String> = self.columns.iter().map(|(name, ty)| format!("{name}\t{ty}")).collect();
        let closed = if self.closed { "\n\nt" } else { "" };
        format!("{}\n\n{}{closed}", columns.join("\n"), self.key.join("\n"))
    }

    fn parse(text: &'a str) -> Self {
        let (columns, rest) = text.split_once("\n\n").unwrap_or((text, ""));
        let (key, closed) = rest.split_once("\n\n").unwrap_or((rest, ""));
        let columns = columns.lines().filter_map(|l| l.split_once('\t')).collect();
        Shape { columns, key: key.lines().collect(), closed: !closed.is_empty() }
    }

    /// What in `wanted` would lose data.
    fn refuse(&self, entity: &Entity, wanted: &Shape<'_>) -> Vec<Finding> {
        let refuse = |place, message: String, action: &str| {
            Finding::rule("entity-destructive-change", place, message).with_action(action)
        };
        let mut findings = Vec::new();
        if self.key != wanted.key {
            let message = format!("「{}」のキーが、保存済みの表（{}）と異なります", entity.name, self.key.join("、"));
            findings.push(refuse(entity.place.clone(), message, "キーを元に戻すか、新しい id で定義してください"));
        }
        for (name, ty) in &self.columns {
            match wanted.columns.iter().position(|(n, _)| n == name) {
                None => {
                    let message = format!("「{}」の列「{name}」がなくなっています", entity.name);
                    findings.push(refuse(
                        entity.place.clone(),
                        message,
                        "列を残してください。使わない列は空のままで構いません",
                    ));
                }
                Some(i) if wanted.columns[i].1 != *ty => {
                    let message = format!("「{}」の列「{name}」の型が、保存済みの表（{ty}）と異なります", entity.name);
                    findings.push(refuse(
                        entity.columns[i].place.clone(),
                        message,
                        "型を元に戻すか、新しい名前の列を足してください",
                    ));
                }
                Some(_) => {}
            }
        }
        findings
    }
}
