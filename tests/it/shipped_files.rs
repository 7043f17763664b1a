//! The files this repository ships are a site without a mistake.

use std::path::Path;

#[test]
fn shipped_schemas_and_mappings_have_no_mistake() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let found = match renkei::mapping::site::load(root) {
        Ok((site, warnings)) => {
            assert!(!site.inbound.is_empty() && !site.outbound.is_empty());
            warnings
        }
        Err(findings) => findings,
    };
    let lines: Vec<String> = found.iter().map(ToString::to_string).collect();
    assert!(lines.is_empty(), "{}", lines.join("\n"));
}
