use super::*;

fn definition(mut targets: Value, probe: &str) -> Definition {
    for target in targets.as_object_mut().expect("targets").values_mut() {
        target["labels"]["countersign-probe"] = json!(probe);
    }
    Definition::parse(json!({ "target": targets }).to_string().as_bytes()).expect("a definition")
}

fn images(targets: Value) -> Result<Vec<String>, Error> {
    let images = definition(targets, "${").images()?;
    Ok(images.into_iter().map(|image| format!("{} {}", image.owner, image.text)).collect())
}

#[test]
fn images_are_found_in_what_older_and_newer_versions_print() {
    let older = json!({"app": {
        "context": "x",
        "contexts": {"base": "docker-image://a:1", "lib": "target:lib", "here": "../y",
            "there": "cwd://z", "up": "cwd://../z", "vendor": "cwd:///v/github.com/x"},
        "cache-from": ["type=registry,ref=b:1", "c:1", "type=local,src=z"],
        "args": {"BUILDKIT_SYNTAX": "d:1", "NONE": null},
    }, "lib": {"attest": ["type=provenance,mode=min", "type=sbom,disabled=true"]}});
    let mut newer = older.clone();
    newer["app"]["cache-from"] = json!([
        {"ref": "b:1", "type": "registry"}, {"ref": "c:1", "type": "registry"},
        {"src": "z", "type": "local"},
    ]);
    newer["lib"]["attest"] = json!([{"disabled": "true", "type": "sbom"}]);
    for definition in [older, newer] {
        assert_eq!(
            images(definition).expect("known"),
            ["app a:1", "app b:1", "app c:1", "app d:1"]
        );
    }
}

#[test]
fn images_are_exchanged_in_their_places() {
    let mut definition = definition(
        json!({"a/~b": {
            "contexts": {"base": "docker-image://a:1"},
            "cache-from": [{"ref": "b:1", "type": "registry"}],
        }}),
        "${",
    );
    for image in definition.images().expect("known") {
        definition.pin(&image, &format!("[{}]", image.text));
    }
    let text = definition.text();
    for expected in ["\"docker-image://[a:1]\"", "[\"type=registry,ref=[b:1]\"]"] {
        assert!(text.contains(expected), "{text}");
    }
    assert!(!text.contains("labels"), "our own label is gone: {text}");
}

#[test]
fn texts_come_back_as_they_were_meant() {
    let meant =
        json!({"app": {"args": {"A": "$${x}%{y}"}, "labels": {"k${z}": "v"}, "tags": ["t"]}});
    let mut printed = meant.clone();
    printed["app"]["args"]["A"] = json!("$$${x}%%{y}");
    for definition in [definition(meant, "${"), definition(printed, "$${")] {
        let build = definition.builds().pop().expect("a build");
        assert_eq!(build.settings.arguments["A"], "$${x}%{y}");
        let again: Value = serde_json::from_str(&definition.text()).expect("JSON");
        assert_eq!(again["target"]["app"]["args"]["A"], "$$${x}%%{y}");
        assert_eq!(again["target"]["app"]["labels"], json!({"k$${z}": "v"}));
    }
}

#[test]
fn builds_are_read_and_changed() {
    let mut definition = definition(
        json!({"app": {"context": "x", "dockerfile": "D", "target": "t", "args": {"A": "1", "B": null},
            "contexts": {"alpine": "y", "ubuntu:latest": "y", "docker.io/library/busybox": "y"}},
            "bare": {"dockerfile": "Dockerfile"}}),
        "$${",
    );
    let builds = definition.builds();
    assert_eq!((builds[0].context.as_str(), builds[0].file.as_deref()), ("x", Some("D")));
    assert_eq!(builds[0].settings.arguments.len(), 1);
    // The others are handed on as they are, and builders never ask for them.
    assert_eq!(builds[0].settings.contexts, ["alpine".to_owned()].into());
    assert_eq!((builds[1].context.as_str(), builds[1].file.as_deref()), (".", None));
    definition.set_dockerfile(&builds[0], "/x", "FROM ${A}\n");
    let again: Value = serde_json::from_str(&definition.text()).expect("JSON");
    let app = &again["target"]["app"];
    assert_eq!(app["dockerfile-inline"], "FROM $${A}\n");
    assert_eq!((app.get("dockerfile"), &app["context"]), (None, &json!("/x")));
}

#[test]
fn what_cannot_be_checked_is_refused() {
    for target in [
        json!({"base": "a:1"}),
        json!({"policy": [{"filename": "x"}]}),
        json!({"context": "https://x/y.git"}),
        json!({"contexts": {"x": "https://y"}}),
        json!({"contexts": {"x": "cwd://github.com/x/y"}}),
        json!({"contexts": {"x": "cwd://./github.com/x/y"}}),
        json!({"contexts": {"x": "cwd://a/../b@h:x"}}),
        json!({"cache-from": ["type=gha"]}),
        json!({"cache-from": [{"type": "s3", "bucket": "x"}]}),
        json!({"cache-from": [{"type": "gha", "url": "x,type=local"}]}),
        json!({"attest": ["type=sbom"]}),
        json!({"attest": [{"type": "sbom", "generator": "evil:1"}]}),
    ] {
        assert!(images(json!({"app": target.clone()})).is_err(), "{target}");
    }
    for text in ["", "[]", "{}", "{\"target\":{\"a\":{}}}"] {
        assert!(Definition::parse(text.as_bytes()).is_err(), "{text}");
    }
}
