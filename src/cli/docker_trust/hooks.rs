//! A word after docker's own commands, for those who configured
//! `"plugins": {"trust": {"hooks": "pull,run"}}` (docker/cli `cli-plugins/hooks`). A hook runs
//! afterwards and cannot stop anything: it is a reminder and no protection.

use serde::Deserialize;
use serde_json::json;

/// What docker tells of its command.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Request {
    root_cmd: String,
    #[serde(default)]
    command_error: String,
}

/// The answer to docker: what could be done next, or nothing.
pub(super) fn answer(request: &str) -> String {
    let template = serde_json::from_str(request).ok().and_then(|request| hint(&request));
    format!("{}\n", json!({"Type": NEXT_STEPS, "Template": template.unwrap_or_default()}))
}

/// docker puts the image into it.
fn hint(request: &Request) -> Option<&'static str> {
    if !request.command_error.is_empty() {
        return None;
    }
    match request.root_cmd.trim() {
        "pull" | "image pull" => {
            Some("Was it signed? Pull what was: countersign verify-pull {{arg . 0}}")
        }
        "run" | "container run" | "create" | "container create" => {
            Some("Was it signed? Ask before it runs: countersign verify {{arg . 0}}")
        }
        "push" | "image push" => Some("Sign it: countersign sign {{arg . 0}}"),
        _ => None,
    }
}

pub(super) const HOOKS: &str = "docker-cli-plugin-hooks";
/// The only kind of answer that docker knows.
const NEXT_STEPS: u8 = 0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hint_follows_success_only() {
        let template = |request: &str| {
            let answer: serde_json::Value = serde_json::from_str(&answer(request)).expect("JSON");
            assert_eq!(answer["Type"], 0);
            answer["Template"].as_str().expect("a text").to_owned()
        };
        let pulled = r#"{"RootCmd":"pull","Flags":{"quiet":"true"},"CommandError":""}"#;
        assert!(template(pulled).contains("verify-pull {{arg . 0}}"));
        assert_eq!(template(r#"{"RootCmd":"pull","CommandError":"denied"}"#), "");
        assert_eq!(template(r#"{"RootCmd":"image ls"}"#), "");
        assert_eq!(template("junk"), "");
    }
}
