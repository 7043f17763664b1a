//! The shipped site: no mapping of it, and no list, can forget what is protected.

use std::fs;
use std::path::Path;

use renkei::mapping::site;

use crate::town::copy_tree;

/// The shipped files with changes, `(file, from, to)`: the mistakes told.
fn mistakes(changes: &[(&str, &str, &str)]) -> String {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    let place = tempfile::tempdir().unwrap();
    for folder in ["schemas", "mappings"] {
        copy_tree(&own.join(folder), &place.path().join(folder));
    }
    fs::copy(own.join("renkei.toml"), place.path().join("renkei.toml")).unwrap();
    for (file, from, to) in changes {
        let path = place.path().join(file);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{file}: {from}");
        fs::write(&path, text.replacen(from, to, 1)).unwrap();
    }
    let told = site::load(place.path()).map(|_| ()).err().unwrap_or_default();
    told.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[test]
fn every_shipped_mapping_that_sends_an_address_is_refused_without_its_hold() {
    let hold = "[[hold]]\nguard = \"jusho\"\nkey = \"宛名番号\"\n";
    let site = site::load(env!("CARGO_MANIFEST_DIR").as_ref()).unwrap().0;
    let guarded: Vec<_> = site.outbound.values().filter(|p| !p.guarded_fields().is_empty()).collect();
    assert!(guarded.len() >= 5, "{}", guarded.len());
    for plan in guarded {
        let told = mistakes(&[(&plan.file, hold, "")]);
        assert!(told.contains("[[hold]] guard = \"jusho\" がありません"), "{}: {told}", plan.interface);
    }
}

#[test]
fn no_shipped_mapping_sends_a_personal_number_and_one_that_would_must_say_what_for() {
    let with_number = [
        (
            "schemas/views/jutogai-fuban-taisho.toml",
            "\"生年月日_不詳フラグ\" = \"text\" }",
            "\"生年月日_不詳フラグ\" = \"text\", \"個人番号\" = \"text\" }",
        ),
        ("schemas/views/jutogai-fuban-taisho.toml", "\n  j._v AS _v1", "\n  b.個人番号, j._v AS _v1"),
        (
            "schemas/views/jutogai-fuban-taisho.toml",
            "CROSS JOIN 実行 r",
            "LEFT JOIN 個人番号 b ON b.宛名番号 = j.宛名番号\nCROSS JOIN 実行 r",
        ),
        (
            "schemas/layouts/jutogai-fuban-irai.toml",
            "  { name = \"氏名\"",
            "  { name = \"個人番号\", type = \"D\", len = 12, secret = true },\n  { name = \"氏名\"",
        ),
        (
            "mappings/out/jutogai-fuban-irai.toml",
            "\"氏名\" = \"氏名\"",
            "\"個人番号\" = \"個人番号\"\n\"氏名\" = \"氏名\"",
        ),
    ];
    let told = mistakes(&with_number);
    assert!(told.contains("金庫の列「個人番号」を送るのに、「purpose」がありません"), "{told}");
    let mut declared = with_number.to_vec();
    declared.push(("mappings/out/jutogai-fuban-irai.toml", "send_empty", "purpose = \"住登外者の付番\"\nsend_empty"));
    assert_eq!(mistakes(&declared), "", "declared, it may");
    let site = site::load(env!("CARGO_MANIFEST_DIR").as_ref()).unwrap().0;
    assert!(site.outbound.values().all(|p| p.opens.is_empty()));
}
