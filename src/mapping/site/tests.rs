use super::*;

const RENKEI: &str = "version = 1\n[site]\n\"団体コード\" = \"131041\"\n\"番号\" = \"39\"\n";
const ENTITY: &str = r#"version = 1
name = "住民"
key = ["宛名番号"]
column = [
  { name = "宛名番号", type = "text" },
  { name = "生年月日", type = "date" },
  { name = "金額", type = "int" },
]
"#;
const LAYOUT: &str = r#"version = 1
title = "住民異動"
provenance = "inferred"
source = "自作"
kind = "delimited"
charset = "windows-31j"
separator = ","
order = "頭? 体* 尾"
[profile.utf8]
title = "新"
charset = "utf-8"
[[record]]
name = "頭"
when = { field = "区分", is = ["H"] }
fields = [{ name = "区分", type = "X", len = 1, constant = "H" }, { name = "日", type = "DATE", required = true }]
[[record]]
name = "体"
when = { field = "区分", is = ["D"] }
fields = [
  { name = "区分", type = "X", len = 1, constant = "D" },
  { name = "宛名番号", type = "D", len = 15, required = true },
  { name = "生年月日", type = "DATE" },
  { name = "金額", type = "9", len = 9 },
  { name = "性別", type = "X", len = 1, codes = "sei" },
]
[[record]]
name = "尾"
when = { field = "区分", is = ["T"] }
fields = [{ name = "区分", type = "X", len = 1, constant = "T" }, { name = "件数", type = "9", len = 6 }]
[[total]]
declared = "尾.件数"
counted = "count(体)"
scope = "file"
"#;
const FEED: &str = r#"version = 1
complete = { by = "stable" }
[[form]]
pattern = "*.utf8.csv"
layout = "juki"
profile = "utf8"
[[form]]
pattern = "*.csv"
layout = "juki"
"#;
const IN: &str = r#"version = 1
title = "住民異動"
layouts = ["juki"]
mode = { full_when = "頭.日 = 実行.基準日" }
amount = "体.金額"
[[check]]
code = "birth-in-future"
record = "体"
expect = "生年月日 <= 頭.日"
field = "生年月日"
message = "生年月日（{生年月日}）が先の日です"
[[into]]
entity = "jumin"
record = "体"
close_when = "code('sei', 性別, '名称') = '消'"
[into.map]
"宛名番号" = "宛名番号"
"生年月日" = "生年月日"
"金額" = "coalesce(金額, 0)"
"#;
const VIEW: &str = "version = 1
name = \"送付者\"
columns = { \"宛名番号\" = \"text\", \"生年月日\" = \"date\", \"金額\" = \"int\" }
lineage = { _v1 = \"jumin\" }
sql = '''
SELECT j.宛名番号, j.生年月日, j.金額, j._v AS _v1
FROM 住民 j'''
";
const OUT: &str = r#"version = 1
title = "送付"
partner = "相手"
layout = "juki"
from = "sofu"
where = "金額 > 0"
order = ["宛名番号"]
key = ["宛名番号"]
mode = "delta"
send_closed = true
name = "A_{団体コード}_{サイト.番号}_{連番3}.csv"
after = ["juki-in", "utsushi"]
[[record]]
record = "頭"
level = "file-head"
map = { "日" = "実行.基準日" }
[[record]]
record = "体"
level = "row"
map = { "宛名番号" = "宛名番号", "金額" = "金額" }
closed = { "宛名番号" = "宛名番号" }
[[record]]
record = "尾"
level = "file-tail"
"#;
const DERIVE: &str = r#"version = 1
title = "写し"
view = "sofu"
entity = "jumin"
after = ["juki-in"]
amount = "金額"
[[outcome]]
code = "none"
title = "なし"
when = "金額 IS NULL"
severity = "warning"
message = "{宛名番号}の金額がありません"
"#;

/// A good site; `change` replaces files.
fn folder(change: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let files = [
        ("renkei.toml", RENKEI),
        ("schemas/codes/sei.csv", "コード,名称\n1,男\n2,女\n"),
        ("schemas/entities/jumin.toml", ENTITY),
        ("schemas/layouts/juki.toml", LAYOUT),
        ("schemas/feeds/juki-in.toml", FEED),
        ("schemas/views/sofu.toml", VIEW),
        ("mappings/in/juki-in.toml", IN),
        ("mappings/out/juki-out.toml", OUT),
        ("mappings/derive/utsushi.toml", DERIVE),
    ];
    for (path, text) in files.iter().chain(change) {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    folder
}

fn mistakes(change: &[(&str, &str)]) -> Vec<String> {
    let folder = folder(change);
    let findings = load(folder.path()).err().unwrap_or_default();
    findings.iter().map(|f| format!("{}:{}:{} {}", f.rule.file, f.rule.line, f.rule.column, f.code)).collect()
}

#[test]
fn a_good_site_loads_and_plans_are_chosen_by_file_name() {
    let folder = folder(&[]);
    let (site, warnings) = load(folder.path()).unwrap();
    assert_eq!(warnings, []);
    let plan = site.in_plan("juki-in", "X.UTF8.CSV").unwrap();
    assert_eq!(plan.layout.profile, "utf8");
    assert_eq!(site.in_plan("juki-in", "x.csv").unwrap().layout.profile, "default");
    assert!(site.in_plan("juki-in", "x.txt").is_none());
    assert_eq!(plan.revision.len(), 64);
    assert_eq!(site.values[0].0, "団体コード");
    assert_eq!(site.derive_order().len(), 1);
    assert_eq!(site.outbound["juki-out"].records.len(), 3);
}

#[test]
fn a_plan_has_another_revision_when_any_of_its_files_changes() {
    let of = |change: &[(&str, &str)]| {
        let folder = folder(change);
        load(folder.path()).unwrap().0.in_plan("juki-in", "x.csv").unwrap().revision.clone()
    };
    let first = of(&[]);
    assert_eq!(of(&[]), first);
    assert_ne!(of(&[("schemas/codes/sei.csv", "コード,名称\n1,男\n")]), first);
    assert_eq!(of(&[("schemas/views/sofu.toml", &VIEW.replace("j.金額,", "j.金額 ,"))]), first);
}

#[test]
fn every_mistake_of_every_file_is_reported_with_its_place() {
    let layout = LAYOUT
        .replace("separator = \",\"", "separator = \"|\"")
        .replace("codes = \"sei\"", "codes = \"sex\", secert = true")
        .replace("体* 尾", "体* 屋")
        .replace("counted = \"count(体)\"", "counted = \"sum(体.宛名番号)\"");
    let entity = ENTITY.replace("key = [\"宛名番号\"]", "key = [\"宛名番\"]").replace("\"int\"", "\"integer\"");
    let mapping = IN
        .replace("title = \"住民異動\"\n", "")
        .replace("生年月日 <= 頭.日", "生年月 <= 頭.日 AND 金額 = 'x'")
        .replace("（{生年月日}）", "（{生年}）")
        .replace("\"生年月日\" = \"生年月日\"", "\"生年月日\" = \"宛名番号\"\n\"氏名\" = \"宛名番号\"");
    let view =
        VIEW.replace("j.生年月日,", "\n  j.生年月日曜,").replace("FROM 住民 j", "FROM 住民 j WHERE random() = k.金額");
    let out = OUT
        .replace("order = [\"宛名番号\"]", "order = [\"番号\"]")
        .replace("{連番3}", "{連番4}")
        .replace("map = { \"日\" = \"実行.基準日\" }", "")
        .replace("after = [\"juki-in\"", "after = [\"juki-on\"");
    let found = mistakes(&[
        ("schemas/layouts/juki.toml", &layout),
        ("schemas/entities/jumin.toml", &entity),
        ("mappings/in/juki-in.toml", &mapping),
        ("schemas/views/sofu.toml", &view),
        ("mappings/out/juki-out.toml", &out),
    ]);
    assert_eq!(found, EXPECTED, "{found:#?}");
}

const EXPECTED: [&str; 20] = [
    "mappings/in/juki-in.toml:1:1 rule-missing-key",
    "mappings/in/juki-in.toml:8:11 rule-expression",
    "mappings/in/juki-in.toml:8:31 rule-expression",
    "mappings/in/juki-in.toml:10:18 rule-unknown-name",
    "mappings/in/juki-in.toml:17:11 rule-expression",
    "mappings/in/juki-in.toml:18:1 rule-unknown-name",
    "mappings/out/juki-out.toml:7:10 rule-unknown-name",
    "mappings/out/juki-out.toml:11:8 rule-unknown-name",
    "mappings/out/juki-out.toml:12:10 rule-unknown-name",
    "mappings/out/juki-out.toml:13:1 rule-not-mapped",
    "schemas/entities/jumin.toml:3:8 rule-unknown-name",
    "schemas/entities/jumin.toml:7:25 rule-bad-value",
    "schemas/layouts/juki.toml:7:13 rule-charset",
    "schemas/layouts/juki.toml:8:16 rule-order",
    "schemas/layouts/juki.toml:24:47 rule-unknown-name",
    "schemas/layouts/juki.toml:24:54 rule-unknown-key",
    "schemas/layouts/juki.toml:32:11 rule-total",
    "schemas/views/sofu.toml:7:5 rule-sql",
    "schemas/views/sofu.toml:8:17 rule-sql",
    "schemas/views/sofu.toml:8:28 rule-sql",
];

#[test]
fn broken_files_do_not_make_those_that_name_them_wrong() {
    let found = mistakes(&[("schemas/layouts/juki.toml", "version = "), ("schemas/entities/jumin.toml", "x")]);
    assert_eq!(found.len(), 2, "{found:?}");
    let found = mistakes(&[("schemas/views/sofu.toml", "version = 1\nversion = 1\n")]);
    assert_eq!(found.len(), 1, "{found:?}");
}

#[test]
fn cycles_of_views_and_derivations_are_refused() {
    let view = VIEW.replace("FROM 住民 j", "FROM 住民 j JOIN 送付者 s ON s.宛名番号 = j.宛名番号");
    let found = mistakes(&[("schemas/views/sofu.toml", &view)]);
    assert_eq!(found, ["schemas/views/sofu.toml:5:7 rule-cycle"]);
    let other = DERIVE.replace("[\"juki-in\"]", "[\"utsushi\"]");
    let first = DERIVE.replace("[\"juki-in\"]", "[\"otsu\"]");
    let mut found = mistakes(&[("mappings/derive/utsushi.toml", &first), ("mappings/derive/otsu.toml", &other)]);
    found.retain(|f| f.starts_with("mappings/derive/"));
    assert_eq!(found.len(), 2, "{found:?}");
}

#[test]
fn a_derivation_must_wait_for_the_one_whose_rows_it_reads() {
    let entity = ENTITY.replace("\"住民\"", "\"写し\"");
    let view = VIEW
        .replace("name = \"送付者\"", "name = \"再写\"")
        .replace("住民 j", "写し j")
        .replace("\"jumin\"", "\"utsushi\"");
    let first = DERIVE.replace("entity = \"jumin\"", "entity = \"utsushi\"");
    let third = ENTITY.replace("\"住民\"", "\"控え\"");
    let second = DERIVE.replace("view = \"sofu\"", "view = \"sai\"").replace("\"jumin\"", "\"hikae\"");
    let files = |second: &str| {
        mistakes(&[
            ("schemas/entities/utsushi.toml", &entity),
            ("schemas/entities/hikae.toml", &third),
            ("schemas/views/sai.toml", &view),
            ("mappings/derive/utsushi.toml", &first),
            ("mappings/derive/saisha.toml", second),
        ])
    };
    assert_eq!(files(&second), ["mappings/derive/saisha.toml:1:1 rule-cycle"]);
    assert_eq!(files(&second.replace("[\"juki-in\"]", "[\"utsushi\"]")), Vec::<String>::new());
}

#[test]
fn a_draft_that_does_not_hear_of_what_it_is_made_of_is_warned_of() {
    let folder = folder(&[("mappings/out/juki-out.toml", &OUT.replace(", \"utsushi\"", ""))]);
    let (_, warnings) = load(folder.path()).unwrap();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].action.contains("\"utsushi\"") && warnings[0].rule.file == "mappings/out/juki-out.toml");
    assert_eq!(warnings[0].severity, Severity::Warning);
}

#[test]
fn a_trailer_is_proved_by_fixed_records_alone() {
    let feed = FEED.replace("by = \"stable\"", "by = \"trailer\", record = \"尾\"");
    let found = mistakes(&[("schemas/feeds/juki-in.toml", &feed)]);
    assert!(!found.is_empty());
    assert!(found.iter().all(|f| f == "schemas/feeds/juki-in.toml:2:39 rule-bad-value"), "{found:#?}");
}

#[test]
fn a_check_or_an_into_may_hold_for_some_layouts_of_the_mapping() {
    let with = |layouts: &str| mistakes(&[("mappings/in/juki-in.toml", &IN.replace("record = \"体\"", layouts))]);
    assert_eq!(with("record = \"体\"\nlayouts = [\"juki\"]"), [""; 0]);
    let place = ["mappings/in/juki-in.toml:9:12 rule-unknown-name", "mappings/in/juki-in.toml:16:12 rule-unknown-name"];
    let found = with("record = \"体\"\nlayouts = [\"jukki\"]");
    assert!(place.iter().all(|p| found.iter().any(|f| f == p)), "{found:#?}");
    assert!(found.contains(&"mappings/in/juki-in.toml:1:1 rule-missing-key".to_owned()), "{found:#?}");
}
