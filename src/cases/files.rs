//! The files of a case: those it drops, those that lie in the hub's folder, and the declarative files it has beside those of
//! the site.
//!
//! Owns: putting both where they belong. Never: changes a file of the site or of the case.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::case_file::Case;
use super::set_values;
use crate::finding::Finding;
use crate::mapping::site::{self, Site};
use crate::pipeline::HubError;

/// Folders of declarative files.
const DECLARATIVE: [&str; 2] = ["schemas", "mappings"];

/// The site of a case: that of all cases, or when the case has declarative files of its own, a copy of its files in
/// `place` with those laid over.
pub(super) fn site_of(site: &Site, folder: &Path, place: &Path, case: &Case) -> Result<Site, HubError> {
    let mut own = site.clone();
    if DECLARATIVE.iter().any(|name| folder.join(name).is_dir()) {
        let root = place.join("site");
        lay_over(&site.root, folder, &root).map_err(HubError::io("複写", &root))?;
        own = site::load(&root).map_err(|findings| HubError::Rules(all(&findings)))?.0;
    }
    set_values(&mut own.values, &case.site);
    Ok(own)
}

fn lay_over(site: &Path, folder: &Path, root: &Path) -> io::Result<()> {
    for from in [site, folder] {
        for name in DECLARATIVE.iter().filter(|name| from.join(name).is_dir()) {
            copy_tree(&from.join(name), &root.join(name))?;
        }
    }
    fs::copy(site.join("renkei.toml"), root.join("renkei.toml")).map(|_| ())
}

/// Findings, a line each.
pub(super) fn all(findings: &[Finding]) -> String {
    findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// Drops a file, or a folder with what is in it.
pub(super) fn drop_into(from: &Path, to: &Path) -> Result<(), HubError> {
    let copied = if from.is_dir() { copy_tree(from, to) } else { fs::copy(from, to).map(|_| ()) };
    copied.map_err(HubError::io("複写", from))
}

/// Takes every permission from a file.
pub(super) fn forbid(path: &Path) -> Result<(), HubError> {
    fs::set_permissions(path, fs::Permissions::from_mode(0o000)).map_err(HubError::io("権限の変更", path))
}

/// Does this process read files that nobody may read? Tries it with a file at `path`, which is free.
pub(super) fn may_read_all(path: &Path) -> Result<bool, HubError> {
    fs::write(path, "").map_err(HubError::io("書き込み", path))?;
    forbid(path)?;
    let read = fs::File::open(path).is_ok();
    fs::remove_file(path).map_err(HubError::io("削除", path))?;
    Ok(read)
}

fn copy_tree(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_tree(&entry.path(), &target)?
        } else {
            fs::copy(entry.path(), target).map(|_| ())?
        }
    }
    Ok(())
}
