//! The command line in the operators' language: help of every verb, and what is wrong with a mistyped one.
//!
//! Owns: those words. Never: decides what is accepted; the declarations of the verbs do.

use std::io::{Write as _, stderr, stdout};
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, FromArgMatches};

use super::{Cli, exit};
use crate::report::words::visible;

const TEMPLATE: &str = "{about-with-newline}\n使い方: {usage}\n\n{all-args}{after-help}";

const EXIT_HELP: &str = "終了コード: 0 終わった。1 終わったが、人の対応が要るものがある。2 命令の書き方が違う。\
3 定義ファイルか設定に誤りがある。4 機械の不調（あとでやり直す）。5 断った";

/// What each verb does.
const VERBS: [(&str, &str); 32] = [
    ("audit", "だれが、いつ、何をしたか（list）。書き換えられていないか（verify）"),
    ("audit list", "だれが、いつ、何をしたかを、新しいほうから見る"),
    ("audit verify", "書き換えられ、除かれ、差し込まれた最初の行を挙げる（あれば終了コード 1）"),
    ("bench", "この機械での速さを測る"),
    ("calendar", "これからの予定（届くはずのファイル、計算、送るファイル）"),
    ("check", "定義ファイルと設定の誤りをすべて挙げる"),
    ("confirm", "送付の下書きを、送ってよいと決める"),
    ("deliver", "確認したファイルをすぐ送る（outbox に置く）"),
    ("demo", "架空の市で、届くところから送るところまでを一通り行う"),
    ("held", "送らずに保留している記録と、解除の命令"),
    ("help", "命令の説明"),
    ("layout", "レイアウトの下書きを見本や項目定義書から作る。項目定義書を書き出す"),
    ("layout doc", "レイアウトを、人が読む項目定義書に書き出す"),
    ("layout import", "項目定義書（XLSX か CSV）からレイアウトの下書きを作り、疑わしい点をすべて挙げる"),
    ("layout infer", "見本のファイルからレイアウトの下書きを作る。決めたことに根拠、疑わしい点に TODO を付ける"),
    ("list", "担当者の一覧を見る、または HTML・CSV・XLSX・JSON に書き出す"),
    ("preview", "ファイルを取り込まずに読んで、指摘を見る"),
    ("release", "保留した 1 件を、今の内容のまま解除する"),
    ("report", "1 件の報告を見る。番号がなければ日報を作る"),
    ("retry", "止まっている受付をやり直す"),
    ("return", "送付の下書きを、送らないと決める"),
    ("run", "今すべきことを一度だけ行う"),
    ("sample", "架空の市のファイルをフォルダーに書き出す"),
    ("serve", "受信フォルダーを見張り、すべきことを行い続ける"),
    ("simulate", "架空の市の 1 年を、1 日ずつ動かしてみる"),
    ("status", "届いたもの、送ったもの、待っているもの"),
    ("test", "tests/interfaces の例を動かす"),
    ("trace", "1 件の記録がどこから来て、どこへ行ったか"),
    ("vault", "秘密の値を暗号化する鍵の状態、取り替え、作成"),
    ("vault new-key", "新しい鍵を 1 行で出す（鍵のファイルに入れる）"),
    ("vault rotate", "すべてを、鍵のファイルの先頭の鍵で暗号化し直す"),
    ("vault status", "どの鍵で何件を暗号化しているか"),
];

/// What is given with a verb: its id, with the verb before it where the word means something else there; how its value is
/// called in the usage, empty for a switch; what it is.
const VALUES: [(&str, &str, &str); 45] = [
    ("root", "フォルダー", "renkei のフォルダー（renkei.toml のあるところ）"),
    ("by", "名前", "だれが行うか（監査記録に残ります）"),
    ("reason", "理由", "なぜ行うか（監査記録に残ります）"),
    ("note", "理由", "送らない理由（return では必ず）"),
    ("hash", "ハッシュ", "見た下書きの SHA-256 の初めの 8 桁以上（status と報告書に出ます）"),
    ("exchange", "受付番号", "renkei status の左端の番号"),
    ("number", "番号", "renkei status の左端の番号。計算は d24 など"),
    ("day", "日", "YYYY-MM-DD。なければ今日"),
    ("from", "日", "初めの日 YYYY-MM-DD。なければ今日"),
    ("to", "日", "終わりの日 YYYY-MM-DD。なければ来月の末日"),
    ("last", "件数", "新しいほうから何件を見るか"),
    ("target", "対象", "trace は「ファイル名か受付番号:記録番号」、held と release は業務の名前か下書きの番号"),
    ("key", "キー", "保留した記録のキー（renkei held に出ます）"),
    ("interface", "業務", "inbox のフォルダー名"),
    ("file", "ファイル", "見るファイル"),
    ("records", "件数", "何件まで見るか"),
    ("base_date", "日", "この日に届いたものとして読む YYYY-MM-DD。なければ今日"),
    ("residents", "人数", "架空の市の人口（100 から 1,000,000）"),
    ("into", "フォルダー", "書き出すフォルダー"),
    ("draft", "業務", "この業務の下書きを、予定を待たずに今すぐ作る"),
    ("list draft", "番号", "送付ファイルの下書きの番号。だれのことが入っているかを見る"),
    ("id", "一覧", "一覧の名前。なければ全部の名前を出す"),
    ("set", "条件=値", "選ぶ条件（renkei list に出ます）。何度でも付けられる"),
    ("format", "形", "書き出す形（html、csv、xlsx、json）。--out がなければ画面に出す"),
    ("wait", "秒", "届いている途中のファイルを、最も長くて何秒待つか"),
    ("out", "ファイル", "書き出すファイル（名前の終わりが .html .csv .xlsx .json）"),
    ("json", "", "機械が読む形（JSON）で出す"),
    ("seed", "数", "架空の市を決める数。同じ数なら、同じファイルができる"),
    ("store", "URL", "SQLite の代わりに使うデータベース（postgres://…）"),
    ("every", "秒", "知らせがないとき、受信フォルダーを見る間隔"),
    ("layout", "レイアウト", "レイアウトの名前（schemas/layouts）か、レイアウトのファイル"),
    ("xlsx", "ファイル", "XLSX に書き出す"),
    ("html", "ファイル", "A4 で印刷できる HTML に書き出す"),
    ("interfaces", "業務", "この業務の例だけを動かす。なければ全部"),
    ("bless", "", "出た結果を、正しい結果として書き込む（保存する前に違いを読むこと）"),
    ("head", "行数:ハッシュ", "控えておいた監査記録の末尾（日報にあります）。その行が今もそのままかを確かめる"),
    ("bad", "", "デモの悪いファイルも加える"),
    ("layout infer file", "見本", "見本のファイル"),
    ("layout import file", "項目定義書", "項目定義書（.xlsx か .csv）"),
    (
        "layout infer out",
        "ファイル",
        "レイアウトの書き出し先（TOML）。なければ画面に出す。今あるファイルは書き換えない",
    ),
    (
        "layout import out",
        "ファイル",
        "レイアウトの書き出し先（TOML）。なければ画面に出す。今あるファイルは書き換えない",
    ),
    ("bench figures", "測るもの", "parse load delta resend out small huge。なければ huge（ディスク 25 GB）のほか全部"),
    ("bench records", "件数", "全件取込の件数"),
    ("bench runs", "回数", "何回測るか。中央の値を採り、メモリーは最大の値を採る"),
    ("bench postgres", "URL", "PostgreSQL でも測る。データベースを作れる接続先"),
];

/// The command line as typed; else what is to be returned, after the mistake or the help was printed.
pub fn parse() -> Result<Cli, ExitCode> {
    command().try_get_matches().and_then(|found| Cli::from_arg_matches(&found)).map_err(|error| {
        if error.use_stderr() && error.kind() != ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
            eprint!("{}", mistake(&error));
            return ExitCode::from(exit::USAGE);
        }
        let text = japanese(&error.render().to_string());
        // Nobody is left to be told when the terminal has gone.
        let _ =
            if error.use_stderr() { stderr().write_all(text.as_bytes()) } else { stdout().write_all(text.as_bytes()) };
        ExitCode::from(if error.use_stderr() { exit::USAGE } else { exit::OK })
    })
}

fn command() -> clap::Command {
    let mut command = Cli::command().about("連携: 市区町村のファイルの送受信を受け持ちます").after_help(EXIT_HELP);
    // Builds the arguments that every verb inherits, and `help`, so that they can be named as well.
    command.build();
    translated(command, "")
}

/// What the parser itself puts into usages and help.
fn japanese(text: &str) -> String {
    let words = [
        ("Usage:", "使い方:"),
        ("[OPTIONS]", "[指定]"),
        ("[default: ", "[指定がなければ "),
        ("[possible values: ", "[使えるもの: "),
    ];
    words.into_iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
}

/// The words for what is given with a verb: its own, else those for all verbs.
fn words(path: &str, id: &str) -> Option<&'static (&'static str, &'static str, &'static str)> {
    let own = format!("{path} {id}");
    let find = |id: &str| VALUES.iter().find(|(of, ..)| *of == id);
    find(&own).or_else(|| find(id))
}

/// The verb `path` and those under it; the command itself has the empty path.
fn translated(command: clap::Command, path: &str) -> clap::Command {
    // `layout help` is `help`.
    let verb = path.strip_suffix(" help").map_or(path, |_| "help");
    let about = VERBS.iter().find(|(name, _)| *name == verb).map(|(_, about)| *about);
    let command = match about {
        Some(about) => command.about(about),
        None => command,
    };
    command
        .help_template(TEMPLATE)
        .mut_args(|arg| {
            let heading = if arg.is_positional() { "対象" } else { "指定" };
            let arg = arg.help_heading(heading);
            match (arg.get_id().as_str(), words(path, arg.get_id().as_str())) {
                ("help", _) => arg.help("この説明を出す"),
                ("version", _) => arg.help("版の番号を出す"),
                (_, Some((_, "", help))) => arg.help(*help),
                (_, Some((_, name, help))) => arg.value_name(*name).help(*help),
                _ => arg,
            }
        })
        .subcommand_help_heading("命令")
        .subcommand_value_name("命令")
        .mut_subcommands(|verb| {
            let under = format!("{path} {}", verb.get_name());
            translated(verb, under.trim_start())
        })
}

/// What is wrong with the line, and how it is written rightly.
fn mistake(error: &clap::Error) -> String {
    let named = |kind: ContextKind| match error.get(kind) {
        Some(ContextValue::String(text)) => visible(text).into_owned(),
        Some(ContextValue::Strings(list)) => visible(&list.join("、")).into_owned(),
        _ => String::new(),
    };
    let (arg, value) = (named(ContextKind::InvalidArg), named(ContextKind::InvalidValue));
    let mut text = match error.kind() {
        ErrorKind::MissingRequiredArgument => format!("renkei: 足りないものがあります: {arg}"),
        ErrorKind::UnknownArgument => format!("renkei: 「{arg}」という指定は、この命令にありません"),
        ErrorKind::InvalidSubcommand => {
            format!("renkei: 「{}」という命令はありません", named(ContextKind::InvalidSubcommand))
        }
        ErrorKind::MissingSubcommand => "renkei: 命令が足りません".to_owned(),
        ErrorKind::InvalidValue if value.is_empty() => format!("renkei: {arg} の値が足りません"),
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => format!("renkei: {arg} に「{value}」は使えません"),
        ErrorKind::ArgumentConflict => format!("renkei: {arg} は、ほかの指定と一緒には使えません"),
        _ => format!("renkei: 命令の書き方が違います {arg} {value}"),
    };
    let id = arg.trim_start_matches('-').split([' ', '=']).next().unwrap_or_default();
    if let Some((.., help)) = words("", id).filter(|_| !value.is_empty()) {
        text += &format!("\n  {id}: {help}");
    }
    for kind in [ContextKind::SuggestedSubcommand, ContextKind::SuggestedArg, ContextKind::ValidValue] {
        let near = named(kind);
        if !near.is_empty() {
            text += &format!("\n  使えるもの: {near}");
        }
    }
    if let Some(ContextValue::StyledStr(usage)) = error.get(ContextKind::Usage) {
        text += &format!("\n  {}", japanese(&usage.to_string()).trim());
    }
    text + "\n  命令の説明は、命令のあとに --help を付けると出ます\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(line: &[&str]) -> String {
        mistake(&command().try_get_matches_from(line).unwrap_err())
    }

    #[test]
    fn a_mistyped_command_is_told_in_japanese_with_the_right_way() {
        let text = said(&["renkei", "confirm", "45"]);
        assert!(
            text.contains("足りないものがあります: --by <名前>") && text.contains("使い方: renkei confirm"),
            "{text}"
        );
        let text = said(&["renkei", "stauts"]);
        assert!(text.contains("「stauts」という命令はありません") && text.contains("status"), "{text}");
        assert!(said(&["renkei", "status", "--foo"]).contains("「--foo」という指定は"));
        assert!(said(&["renkei", "confirm", "abc", "--by", "x"]).contains("に「abc」は使えません"));
        assert!(said(&["renkei", "calendar", "--from", "12/1"]).contains("YYYY-MM-DD"));
    }

    #[test]
    fn help_has_no_english() {
        fn english(command: &mut clap::Command, path: &str) {
            let text = japanese(&command.render_long_help().to_string());
            for line in text.lines().filter(|line| !line.starts_with("使い方:")) {
                let words: Vec<&str> = line.split(' ').collect();
                let plain = |w: &str| w.len() > 1 && w.chars().all(|c| c.is_ascii_alphabetic());
                // A command to type is none.
                let two = words.windows(2).any(|w| w[0] != "renkei" && plain(w[0]) && plain(w[1]));
                assert!(!two || path == "bench", "{path}: {line}");
            }
            let names: Vec<String> = command.get_subcommands().map(|c| c.get_name().to_owned()).collect();
            for name in names.iter().filter(|name| *name != "help") {
                let under = command.find_subcommand_mut(name).expect("it was just named");
                english(under, format!("{path} {name}").trim_start());
            }
        }
        english(&mut command(), "");
    }

    #[test]
    fn every_verb_is_described_in_japanese() {
        let command = command();
        for verb in command.get_subcommands() {
            assert!(VERBS.iter().any(|(name, _)| *name == verb.get_name()), "{}", verb.get_name());
            for under in verb.get_subcommands().filter(|under| under.get_name() != "help") {
                let path = format!("{} {}", verb.get_name(), under.get_name());
                assert!(verb.get_name() == "help" || VERBS.iter().any(|(name, _)| *name == path), "{path}");
            }
        }
    }
}
