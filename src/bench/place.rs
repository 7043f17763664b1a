//! The folder a measured run works in: a site with nothing but what the figure needs.
//!
//! Owns: that folder. Never: changes the site it is copied from.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value as Json;

use super::Bench;
use super::child::{self, Ran};
use crate::cli::CliError;

/// The interface whose files are measured.
pub(super) const INTERFACE: &str = "juki-ido";
/// Folders of the measured site that are there whole.
const FOLDERS: [&str; 2] = ["schemas/codes", "schemas/calendars"];
/// Its other files.
const FILES: [&str; 10] = [
    "renkei.toml",
    "schemas/guards/jusho.toml",
    "schemas/views/shien-sochi-chu.toml",
    "schemas/entities/shien_sochi.toml",
    "schemas/entities/jutogai.toml",
    "schemas/layouts/juki-ido.toml",
    "schemas/layouts/juki-ido-xml.toml",
    "schemas/entities/jumin.toml",
    "schemas/feeds/juki-ido.toml",
    "mappings/in/juki-ido.toml",
];

/// A site folder of the bench.
pub(super) struct Place {
    pub root: PathBuf,
}

/// What a run of the program said of the exchanges it dealt with.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Told {
    pub files: u64,
    pub read: u64,
    pub new: u64,
    pub changed: u64,
    pub written: u64,
    /// Exchanges that are not where they should be.
    pub astray: u64,
}

impl Bench<'_> {
    /// A fresh site named `bench-<name>`. Files of the feed are complete as soon as they are there.
    pub(super) fn fresh(&self, name: &str) -> Result<Place, CliError> {
        let root = self.into.join(format!("bench-{name}"));
        remove(&root)?;
        for file in FILES {
            copy(&self.root.join(file), &root.join(file))?;
        }
        for folder in FOLDERS {
            for entry in std::fs::read_dir(self.root.join(folder))? {
                let entry = entry?;
                copy(&entry.path(), &root.join(folder).join(entry.file_name()))?;
            }
        }
        let feed = root.join("schemas/feeds/juki-ido.toml");
        let text: Vec<String> = std::fs::read_to_string(&feed)?
            .lines()
            .map(|l| if l.starts_with("complete") { "complete = { by = \"rename\" }".to_owned() } else { l.to_owned() })
            .collect();
        std::fs::write(&feed, text.join("\n"))?;
        std::fs::create_dir_all(root.join("inbox").join(INTERFACE))?;
        Ok(Place { root })
    }

    /// `renkei run` in a place, to its end.
    pub(super) fn run_site(&self, place: &Place, store: Option<&str>) -> Result<(Ran, Told), CliError> {
        let mut command = Command::new(&self.program);
        command.arg("--root").arg(&place.root).args(["--json", "run"]).env_remove(crate::config::STORE_URL_VARIABLE);
        if let Some(url) = store {
            command.env(crate::config::STORE_URL_VARIABLE, url);
        }
        let ran = child::run(&mut command, &[0])?;
        let told = told(&ran.output)?;
        Ok((ran, told))
    }
}

impl Place {
    /// Drops a file under a name, without copying it.
    pub(super) fn drop_file(&self, file: &Path, name: &str) -> Result<(), CliError> {
        Ok(std::fs::hard_link(file, self.root.join("inbox").join(INTERFACE).join(name))?)
    }

    /// A copy of the whole place under another name.
    pub(super) fn copied(&self, name: &str) -> Result<Place, CliError> {
        let root = self.root.with_file_name(format!("bench-{name}"));
        remove(&root)?;
        child::run(Command::new("cp").args(["-r", "--reflink=auto"]).arg(&self.root).arg(&root), &[0])?;
        Ok(Place { root })
    }

    /// Adds a declarative file.
    pub(super) fn add(&self, file: &str, text: &str) -> Result<(), CliError> {
        let path = self.root.join(file);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        Ok(std::fs::write(path, text)?)
    }

    /// Everything goes.
    pub(super) fn remove(self) -> Result<(), CliError> {
        remove(&self.root)
    }
}

fn remove(folder: &Path) -> Result<(), CliError> {
    match std::fs::remove_dir_all(folder) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(e.into()),
        _ => Ok(()),
    }
}

fn copy(from: &Path, to: &Path) -> Result<(), CliError> {
    if let Some(folder) = to.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::copy(from, to).map_err(|e| CliError::Refused(format!("{}: {e}", from.display())))?;
    Ok(())
}

fn told(output: &str) -> Result<Told, CliError> {
    let json: Json = serde_json::from_str(output).map_err(|e| CliError::Refused(format!("run --json: {e}")))?;
    let mut told = Told::default();
    let mut names = std::collections::HashSet::new();
    for exchange in json["exchanges"].as_array().into_iter().flatten() {
        let number = |key: &str| exchange[key].as_u64().unwrap_or(0);
        told.files += 1;
        told.read += number("read");
        told.new += number("new");
        told.changed += number("changed");
        told.written += number("written");
        let arrived = matches!(exchange["state"].as_str(), Some("reported" | "delivered"));
        told.astray += u64::from(!arrived || !names.insert(exchange["file"].to_string()));
    }
    Ok(told)
}
