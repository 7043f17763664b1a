//! Why a command ended without doing its work, in the operators' words.
//!
//! Owns: those words and their exit codes. Never: prints.

use std::path::{Path, PathBuf};

use super::exit;
use crate::finding::Finding;
use crate::pipeline::HubError;

/// Why a command ended without doing its work.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// Declarative files are wrong.
    #[error("{}", rules(.0))]
    Rules(Vec<Finding>),
    /// The machine is in trouble.
    #[error(transparent)]
    Hub(#[from] HubError),
    /// Refused, with the reason in Japanese.
    #[error("{0}")]
    Refused(String),
    /// A file that was named on the command line.
    #[error("「{}」{what}。{}", .path.display(), why(.source))]
    File {
        /// What could not be done, in Japanese (`を読めません`).
        what: &'static str,
        /// With which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Files or the terminal.
    #[error("ファイルか画面の読み書きに失敗しました")]
    Io(#[from] std::io::Error),
}

/// The usual troubles with a file in words; others as the system says them, as the cause below.
fn why(error: &std::io::Error) -> &'static str {
    match error.kind() {
        std::io::ErrorKind::NotFound => "その名前のものがありません。名前とフォルダーを確かめてください",
        std::io::ErrorKind::PermissionDenied => "権限がありません",
        std::io::ErrorKind::IsADirectory => "フォルダーです。ファイルを指してください",
        std::io::ErrorKind::StorageFull => "ディスクの空きがありません",
        _ => "",
    }
}

/// The one finding of a folder that is no site says what to do; it is no mistake in a file.
fn rules(findings: &[Finding]) -> String {
    match findings {
        [one] if one.rule.file.ends_with("renkei.toml") && one.rule.line == 0 => {
            "renkei のフォルダーではありません".to_owned()
        }
        _ => format!(
            "定義ファイルに誤りがあります（{} 件）。システム担当（ベンダー）へ、この表示を渡してください",
            findings.len()
        ),
    }
}

impl CliError {
    /// Does its own line say all there is to say, so that the system's words below it would add nothing?
    pub fn is_told_whole(&self) -> bool {
        matches!(self, CliError::File { source, .. } if !why(source).is_empty())
    }

    /// Names the file that an error is about.
    pub fn file<'a>(what: &'static str, path: &'a Path) -> impl FnOnce(std::io::Error) -> CliError + 'a {
        move |source| CliError::File { what, path: path.to_owned(), source }
    }

    /// The exit code.
    pub fn code(&self) -> u8 {
        match self {
            CliError::Rules(_) | CliError::Hub(HubError::Rules(_)) => exit::RULES,
            CliError::Hub(HubError::Refused(_) | HubError::Vault(_)) | CliError::Refused(_) => exit::REFUSED,
            CliError::File { source, .. } if source.kind() == std::io::ErrorKind::NotFound => exit::REFUSED,
            CliError::Hub(_) | CliError::File { .. } | CliError::Io(_) => exit::MACHINE,
        }
    }
}
