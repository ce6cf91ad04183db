//! Which delegated roles are asked for a name, and in which order.

use serde_json::{Value, json};

use crate::stage::{DAILY, Stage};

/// A delegation: from whom, to whom, and how.
struct Edge(&'static str, &'static str, How);

#[derive(Clone, Copy)]
enum How {
    All,
    Only(&'static [&'static str]),
    Terminating,
}

impl How {
    fn written(self) -> Value {
        match self {
            Self::All => json!({"paths": ["*"]}),
            Self::Only(paths) => json!({"paths": paths}),
            Self::Terminating => json!({"paths": ["*"], "terminating": true}),
        }
    }
}

fn delegating(edges: &[Edge]) -> Stage {
    let mut stage = Stage::new();
    for Edge(by, to, how) in edges {
        stage.repository.delegate(by, to, how.written());
    }
    stage
}

/// The roles that were asked for after those at the top.
fn visited(stage: &mut Stage) -> Vec<String> {
    let asked = stage.asked();
    let named =
        asked[4..].iter().map(|name| name.trim_start_matches("1.").trim_end_matches(".json"));
    named.map(str::to_owned).collect()
}

/// D-06 names these cases after the suite's own test.
#[test]
fn test_graph_traversal() {
    use How::{All, Only, Terminating};
    const PYTHON: How = Only(&["*.py"]);
    for (edges, order) in [
        (vec![Edge("targets", "A", All)], "A"),
        (vec![Edge("targets", "A", All), Edge("targets", "B", All)], "AB"),
        (vec![Edge("targets", "A", All), Edge("targets", "B", All), Edge("B", "C", All)], "ABC"),
        (
            vec![
                Edge("targets", "A", All),
                Edge("targets", "B", All),
                Edge("A", "C", All),
                Edge("A", "D", All),
            ],
            "ACDB",
        ),
        (
            vec![
                Edge("targets", "A", All),
                Edge("targets", "B", All),
                Edge("A", "C", All),
                Edge("C", "D", All),
            ],
            "ACDB",
        ),
        (
            vec![
                Edge("targets", "A", All),
                Edge("targets", "B", All),
                Edge("A", "C", Terminating),
                Edge("A", "D", All),
            ],
            "AC",
        ),
        (
            vec![
                Edge("targets", "A", All),
                Edge("targets", "B", All),
                Edge("A", "C", Terminating),
                Edge("C", "D", All),
            ],
            "ACD",
        ),
        (vec![Edge("targets", "A", PYTHON), Edge("targets", "B", All), Edge("A", "C", All)], "B"),
        (
            vec![
                Edge("targets", "A", All),
                Edge("targets", "B", All),
                Edge("A", "C", PYTHON),
                Edge("C", "D", All),
            ],
            "AB",
        ),
        (
            vec![
                Edge("targets", "A", All),
                Edge("targets", "B", All),
                Edge("B", "C", All),
                Edge("C", "D", All),
                Edge("D", "B", All),
            ],
            "ABCD",
        ),
        (
            vec![
                Edge("targets", "A", All),
                Edge("targets", "B", All),
                Edge("B", "C", All),
                Edge("A", "C", All),
            ],
            "ACB",
        ),
        (
            vec![
                Edge("targets", "A", All),
                Edge("targets", "B", All),
                Edge("B", "C", All),
                Edge("A", "C", PYTHON),
            ],
            "ABC",
        ),
    ] {
        let mut stage = delegating(&edges);
        stage.publish(&DAILY);
        assert!(!stage.downloads(&["missingpath"]));
        assert_eq!(visited(&mut stage).concat(), order);
    }
}

#[test]
fn a_name_is_found_where_patterns_lead_and_nowhere_else() {
    let tree = [
        Edge("targets", "A", How::Only(&["*.doc", "*.md", "foo-?.tgz"])),
        Edge("targets", "B", How::Only(&["releases/*/*"])),
        Edge("B", "C", How::Only(&["releases/x/*"])),
        Edge("B", "D", How::Only(&["releases/y/*.zip"])),
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
        let mut stage = delegating(&tree);
        for (role, name) in signed {
            stage.repository.target(role, name);
        }
        stage.publish(&DAILY);
        stage.show_artifact(name);
        assert_eq!(stage.downloads(&[name]), found, "{name}");
        let mut asked = stage.asked();
        asked.retain(|path| !path.starts_with("/targets/"));
        let roles =
            asked[4..].iter().map(|name| name.trim_start_matches("1.").trim_end_matches(".json"));
        assert_eq!(roles.collect::<String>(), order, "{name}");
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
