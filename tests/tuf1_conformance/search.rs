//! Which delegated roles are asked for a name, and in which order.

use serde_json::{Value, json};

use crate::stage::{DAILY, Stage};

/// Delegations: from whom, to whom, and how.
fn delegating<'e>(edges: impl IntoIterator<Item = (&'e str, &'e str, Value)>) -> Stage {
    let mut stage = Stage::new();
    for (by, to, written) in edges {
        stage.repository.delegate(by, to, written);
    }
    stage
}

/// The roles that were asked for after those at the top.
fn visited(stage: &mut Stage) -> Vec<String> {
    let mut asked = stage.asked();
    asked.retain(|path| !path.starts_with("/targets/"));
    let named =
        asked[4..].iter().map(|name| name.trim_start_matches("1.").trim_end_matches(".json"));
    named.map(str::to_owned).collect()
}

/// Delegations in the order in which they are written: `t-A` from `targets` to A, of all names;
/// with `!` terminating, with `.py` of such names only.
const GRAPHS: [(&str, &str); 12] = [
    ("t-A", "A"),
    ("t-A t-B", "AB"),
    ("t-A t-B B-C", "ABC"),
    ("t-A t-B A-C A-D", "ACDB"),
    ("t-A t-B A-C C-D", "ACDB"),
    ("t-A t-B A-C! A-D", "AC"),
    ("t-A t-B A-C! C-D", "ACD"),
    ("t-A.py t-B A-C", "B"),
    ("t-A t-B A-C.py C-D", "AB"),
    ("t-A t-B B-C C-D D-B", "ABCD"),
    ("t-A t-B B-C A-C", "ACB"),
    ("t-A t-B B-C A-C.py", "ABC"),
];

fn edge(text: &str) -> (&str, &str, Value) {
    let (by, to) = text.split_once('-').expect("two roles");
    let (to, written) = match (to.strip_suffix('!'), to.strip_suffix(".py")) {
        (Some(to), _) => (to, json!({"paths": ["*"], "terminating": true})),
        (_, Some(to)) => (to, json!({"paths": ["*.py"]})),
        _ => (to, json!({"paths": ["*"]})),
    };
    (if by == "t" { "targets" } else { by }, to, written)
}

/// D-06 names these cases after the suite's own test.
#[test]
fn test_graph_traversal() {
    for (graph, order) in GRAPHS {
        let mut stage = delegating(graph.split(' ').map(edge));
        stage.publish(&DAILY);
        assert!(!stage.downloads(&["missingpath"]));
        assert_eq!(visited(&mut stage).concat(), order, "{graph}");
    }
}

#[test]
fn a_name_is_found_where_patterns_lead_and_nowhere_else() {
    let tree: [(_, _, &[&str]); 4] = [
        ("targets", "A", &["*.doc", "*.md", "foo-?.tgz"]),
        ("targets", "B", &["releases/*/*"]),
        ("B", "C", &["releases/x/*"]),
        ("B", "D", &["releases/y/*.zip"]),
    ];
    let signed = [
        ("targets", "targetfile"),
        ("A", "README.md"),
        ("A", "releases/README.md"),
        ("A", "foo-1.tgz"),
        ("A", "foo-alpha.tgz"),
        ("C", "releases/x/x_v1"),
        ("D", "releases/y/y_v1.zip"),
        ("D", "releases/z/z_v1.zip"),
    ];
    for (name, found, order) in [
        ("targetfile", true, ""),
        ("README.md", true, "A"),
        ("releases/x/x_v1", true, "BC"),
        ("releases/y/y_v1.zip", true, "BD"),
        ("releases/z/z_v1.zip", false, "B"),
        ("releases/README.md", false, ""),
        ("foo-1.tgz", true, "A"),
        ("foo-alpha.tgz", false, ""),
        ("README.MD", false, ""),
    ] {
        let edges = tree.map(|(by, to, paths)| (by, to, json!({ "paths": paths })));
        let mut stage = delegating(edges);
        for (role, name) in signed {
            stage.repository.target(role, name);
        }
        stage.publish(&DAILY);
        stage.show_artifact(name);
        assert_eq!(stage.downloads(&[name]), found, "{name}");
        assert_eq!(visited(&mut stage).concat(), order, "{name}");
        let expected: Vec<Vec<u8>> = found.then(|| name.as_bytes().to_vec()).into_iter().collect();
        assert_eq!(stage.loaded(), expected, "{name}");
    }
}

#[test]
fn a_role_is_verified_again_for_whoever_else_delegates_to_it() {
    let mut stage = Stage::new();
    for (parent, paths) in [("parent-a", "team-a/*"), ("parent-b", "team-b/*")] {
        stage.repository.delegate("targets", parent, json!({"paths": [paths]}));
        stage.repository.delegate(parent, "release", json!({"paths": [paths]}));
    }
    // Each of the two was given another key for it; the second never signs.
    stage.repository.keys.get_mut("release").expect("keys").truncate(1);
    let names = ["team-a/trusted_root.json", "team-b/trusted_root.json"];
    for name in names {
        stage.repository.target("release", name);
        stage.show_artifact(name);
    }
    stage.publish(&DAILY);
    assert!(!stage.downloads(&names));
    assert_eq!(stage.loaded(), [names[0].as_bytes()]);
}

#[test]
fn a_role_that_no_snapshot_lists_is_not_even_asked_for() {
    let mut stage = Stage::new();
    stage.repository.delegate("targets", "delegated", json!({"paths": ["delegatedpath/*"]}));
    stage.repository.touch(&DAILY).publish();
    let listed = stage.repository.role("snapshot")["meta"].as_object_mut().expect("listed");
    listed.remove("delegated.json");
    stage.repository.seal("snapshot");
    stage.show();
    assert!(stage.refreshes());
    stage.asked();
    assert!(!stage.downloads(&["delegatedpath/foo"]));
    assert_eq!(stage.version("delegated"), 0);
    assert_eq!(stage.asked(), ["2.root.json", "timestamp.json"]);
}
