//! The declarative files of a small site that has something to protect.

macro_rules! layout {
    ($title:literal, $last:literal) => {
        layout!($title, $last, "")
    };
    ($title:literal, $last:literal, $more:literal) => {
        concat!(
            "version = 1\ntitle = \"",
            $title,
            "\"\nprovenance = \"inferred\"\nsource = \"試験\"\nkind = \"delimited\"\ncharset = \"utf-8\"\n",
            "line_end = \"crlf\"\nseparator = \",\"\nquote = \"needed\"\norder = \"データ*\"\n",
            "[[record]]\nname = \"データ\"\nfields = [{ name = \"番号\", type = \"D\", len = 15, required = true }, { name = \"",
            $last,
            "\", type = \"N\", len = 40",
            $more,
            " }]\n"
        )
    };
}
macro_rules! feed {
    ($layout:literal) => {
        concat!(
            "version = 1\ncomplete = { by = \"stable\", millis = 0 }\n[[form]]\npattern = \"*.csv\"\nlayout = \"",
            $layout,
            "\"\n"
        )
    };
}
macro_rules! mapping {
    ($layout:literal, $entity:literal, $columns:literal) => {
        concat!(
            "version = 1\ntitle = \"",
            $layout,
            "\"\nlayouts = [\"",
            $layout,
            "\"]\nmode = \"delta\"\ntolerance = { hold = \"record\" }\n[[into]]\nentity = \"",
            $entity,
            "\"\n[into.map]\n\"番号\" = \"番号\"\n",
            $columns
        )
    };
}

/// Declarative files of the test's site; what is protected has made-up names.
pub const RULES: [(&str, &str); 22] = [
    ("renkei.toml", "version = 1\n[site]\n\"団体コード\" = \"999997\"\n"),
    (
        "schemas/entities/person.toml",
        r#"version = 1
name = "個人"
key = ["番号"]
column = [
  { name = "番号", type = "text" },
  { name = "氏名", type = "text" },
  { name = "住所", type = "text", guard = "jusho" },
]
"#,
    ),
    (
        "schemas/entities/shield.toml",
        r#"version = 1
name = "保護"
key = ["番号"]
column = [{ name = "番号", type = "text" }, { name = "有効", type = "text" }]
"#,
    ),
    (
        "schemas/entities/secret_number.toml",
        r#"version = 1
name = "番号簿"
key = ["番号"]
column = [{ name = "番号", type = "text" }, { name = "秘密番号", type = "text", vault = true }]
"#,
    ),
    (
        "schemas/views/shielded.toml",
        r#"version = 1
name = "保護中"
columns = { "番号" = "text" }
lineage = { "_v1" = "shield" }
sql = "SELECT s.番号, s._v AS _v1 FROM 保護 s WHERE s.有効 = '1'"
"#,
    ),
    (
        "schemas/views/address.toml",
        r#"version = 1
name = "宛先"
columns = { "番号" = "text", "氏名" = "text", "送付先" = "text" }
lineage = { "_v1" = "person" }
sql = "SELECT p.番号, p.氏名, p.住所 AS 送付先, p._v AS _v1 FROM 個人 p"
"#,
    ),
    (
        "schemas/views/numbers.toml",
        r#"version = 1
name = "番号送付"
columns = { "番号" = "text", "秘密番号" = "text" }
lineage = { "_v1" = "secret_number" }
sql = "SELECT n.番号, n.秘密番号, n._v AS _v1 FROM 番号簿 n"
"#,
    ),
    (
        "schemas/guards/jusho.toml",
        r#"version = 1
title = "保護する人の住所"
view = "shielded"
key = "番号"
message = "保護の対象（{キー}）の住所を含むため保留しました"
action = "担当課に確認してください。"
"#,
    ),
    (
        "schemas/lists/addresses.toml",
        r#"version = 1
title = "宛先一覧"
from = "address"
order = ["番号"]
[[mask]]
guard = "jusho"
key = "番号"
[[column]]
from = "番号"
[[column]]
from = "送付先"
"#,
    ),
    ("schemas/layouts/person.toml", layout!("個人", "氏名\", type = \"N\", len = 40 }, { name = \"住所")),
    ("schemas/layouts/shield.toml", layout!("保護", "有効")),
    ("schemas/layouts/number.toml", layout!("番号簿", "秘密番号", ", secret = true")),
    ("schemas/feeds/person.toml", feed!("person")),
    ("schemas/feeds/shield.toml", feed!("shield")),
    ("schemas/feeds/number.toml", feed!("number")),
    ("mappings/in/person.toml", mapping!("person", "person", "\"氏名\" = \"氏名\"\n\"住所\" = \"住所\"\n")),
    ("mappings/in/shield.toml", mapping!("shield", "shield", "\"有効\" = \"有効\"\n")),
    ("mappings/in/number.toml", mapping!("number", "secret_number", "\"秘密番号\" = \"秘密番号\"\n")),
    ("schemas/layouts/out-address.toml", layout!("宛先", "氏名\", type = \"N\", len = 40 }, { name = \"送付先")),
    ("schemas/layouts/out-number.toml", layout!("番号送付", "秘密番号", ", secret = true")),
    (
        "mappings/out/send-address.toml",
        r#"version = 1
title = "宛先"
partner = "相手先"
layout = "out-address"
from = "address"
order = ["番号"]
key = ["番号"]
mode = "delta"
name = "ADDRESS_{作成日時}_{連番3}.csv"
manifest = ".ctl"
after = ["person", "shield"]
[[hold]]
guard = "jusho"
key = "番号"
[[record]]
record = "データ"
level = "row"
[record.map]
"番号" = "番号"
"氏名" = "氏名"
"送付先" = "'〒' || 送付先"
"#,
    ),
    (
        "mappings/out/send-number.toml",
        r#"version = 1
title = "番号送付"
partner = "相手先"
layout = "out-number"
from = "numbers"
order = ["番号"]
key = ["番号"]
mode = "delta"
name = "NUMBER_{作成日時}_{連番3}.csv"
after = ["number"]
purpose = "試験の事務"
[[record]]
record = "データ"
level = "row"
[record.map]
"番号" = "番号"
"秘密番号" = "秘密番号"
"#,
    ),
];
