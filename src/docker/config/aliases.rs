//! What docker runs under another name (docker/cli `cmd/docker/aliases.go`).

use std::path::Path;

use serde_json::{Map, Value};

use crate::storage::read_regular;

/// The program that docker builds with, if its configuration file names one: `buildx` after `docker
/// buildx install`. A file that cannot be read names none for docker either.
pub fn builder_alias(config_file: &Path) -> Option<String> {
    let bytes = read_regular(config_file, MAX_BYTES).ok()?;
    let configuration: Map<String, Value> = serde_json::from_slice(&bytes).ok()?;
    // Go reads names in any case, and takes the last.
    let is_aliases = |(name, _): &(&String, &Value)| name.eq_ignore_ascii_case("aliases");
    let all = configuration.iter().filter(is_aliases);
    let named = all.filter_map(|(_, aliases)| aliases.get("builder")?.as_str());
    named.max_by_key(|name| *name != BUILDX).map(str::to_owned)
}

/// The only builder whose command line is known.
pub const BUILDX: &str = "buildx";

const MAX_BYTES: u64 = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn docker_s_builder_is_named_in_any_case() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("config.json");
        let of = |text: &str| {
            std::fs::write(&file, text).expect("written");
            builder_alias(&file)
        };
        assert_eq!(of(r#"{"aliases":{"builder":"buildx"}}"#).as_deref(), Some("buildx"));
        assert_eq!(of(r#"{"Aliases":{"builder":"other"}}"#).as_deref(), Some("other"));
        let both = r#"{"ALIASES":{"builder":"buildx"},"aliases":{"builder":"other"}}"#;
        assert_eq!(of(both).as_deref(), Some("other"));
        for none in ["{}", r#"{"aliases":{"Builder":"x"}}"#, r#"{"aliases":[]}"#, "x", ""] {
            assert_eq!(of(none), None, "{none}");
        }
        assert_eq!(builder_alias(&folder.path().join("none")), None);
    }
}
