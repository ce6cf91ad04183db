use super::*;

fn model(services: Value) -> Model {
    Model::parse(json!({"name": "p", "services": services}).to_string().as_bytes())
        .expect("a model")
}

fn images(services: Value) -> Result<Vec<String>, Error> {
    let images = model(services).images()?;
    Ok(images.into_iter().map(|image| format!("{} {}", image.owner, image.text)).collect())
}

#[test]
fn every_image_that_would_be_pulled_is_found() {
    let found = images(json!({
        "web": {"image": "a:1", "volumes": [{"type": "image", "source": "b:1", "target": "/x"}],
            "pre_start": [{"command": ["x"]}, {"image": "g:1", "command": ["x"]}]},
        "app": {"image": "mine", "build": {
            "context": "/x",
            "additional_contexts": {"base": "docker-image://c:1", "here": "/y"},
            "cache_from": ["d:1", "type=registry,ref=e:1", "type=local,src=/c"],
            "args": {"BUILDKIT_SYNTAX": "f:1"},
        }},
        "too": {"image": "mine"},
    }));
    let expected = ["app c:1", "app d:1", "app e:1", "app f:1", "web a:1", "web b:1", "web g:1"];
    assert_eq!(found.expect("understood"), expected);
}

#[test]
fn images_are_exchanged_in_their_places() {
    let mut model = model(json!({"a/~b": {"image": "a:1", "build": null}, "c": {"build": {
        "context": "/x", "additional_contexts": {"base": "docker-image://c:1"},
        "cache_from": ["type=registry,ref=e:1"],
    }}}));
    for image in model.images().expect("understood") {
        model.pin(&image, &format!("[{}]", image.text));
    }
    let text = model.text();
    for expected in ["\"docker-image://[c:1]\"", "\"type=registry,ref=[e:1]\""] {
        assert!(text.contains(expected), "{text}");
    }
}

#[test]
fn what_is_built_is_not_pulled() {
    let mut model = model(json!({
        "app": {"image": "mine", "build": {"context": "/x"}, "pull_policy": "always"},
        "old": {"image": "mine"},
        "odd": {"build": {"context": "/x"}, "pull_policy": "never"},
        "web": {"image": "a", "x-note": 1},
    }));
    let mut asked = Model(model.0.clone());
    model.decide_pulls(None).expect("a model");
    let policy = |model: &Model, service: &str| model.0["services"][service]["pull_policy"].clone();
    assert_eq!(policy(&model, "app"), "build");
    assert_eq!(policy(&model, "old"), "never");
    assert_eq!(policy(&model, "odd"), "never");
    assert_eq!(policy(&model, "web"), Value::Null);
    asked.decide_pulls(Some("always")).expect("a model");
    assert_eq!(policy(&asked, "app"), "build");
    assert_eq!(policy(&asked, "old"), "never");
    assert_eq!(policy(&asked, "odd"), "build");
    assert_eq!(policy(&asked, "web"), "always");
}

#[test]
fn what_is_not_chosen_keeps_its_name_and_nothing_that_runs() {
    let context = |of: &str| json!({"context": "/x", "additional_contexts": {"base": of}});
    let mut model = model(json!({
        "web": {"build": context("service:base")},
        "base": {"build": context("service:low"), "profiles": ["build"]},
        "low": {"build": {"context": "/x"}},
        "evil": {"image": "evil:1", "profiles": ["debug"], "build": {"context": "https://x/y.git"}},
    }));
    assert!(model.has_profiles().expect("a model"));
    model.withhold_but(&["web".to_owned()].into()).expect("a model");
    assert_eq!(model.names().expect("a model").len(), 4);
    let images = model.images().expect("understood");
    let [image] = images.as_slice() else { panic!("{images:?}") };
    assert_eq!((image.owner.as_str(), image.text.as_str()), ("evil", WITHHELD));
    assert_eq!(model.0["services"]["evil"], json!({"image": WITHHELD, "profiles": ["debug"]}));
    assert_eq!(model.builds().expect("a model").len(), 3);
}

#[test]
fn a_build_takes_nothing_that_services_run() {
    let mut model = model(json!({
        "web": {"image": "web", "build": {
            "context": "/x", "cache_from": ["c:1"],
            "additional_contexts": {"lib": "docker-image://l:1", "base": "service:base"},
        }, "volumes": [{"type": "image", "source": "v:1", "target": "/v"}]},
        "again": {"image": "web"},
        "base": {"image": "b:1"},
        "db": {"image": "d:1", "pre_start": [{"image": "h:1"}]},
    }));
    model.withhold_what_runs().expect("a model");
    let images = model.images().expect("understood").into_iter().map(|image| image.text);
    let kept: Vec<String> = images.filter(|image| image != WITHHELD).collect();
    assert_eq!(kept, ["b:1", "l:1", "c:1"]);
    assert_eq!(model.0["services"]["db"]["image"], WITHHELD);
    assert_eq!(model.0["services"]["web"]["image"], "web", "what is built keeps its name");
}

#[test]
fn builds_are_read_and_changed() {
    let mut model = model(json!({"app": {"build": {
        "context": "/x", "dockerfile": "D", "target": "t", "args": {"A": "$$1", "N": 2, "Z": null},
        "additional_contexts": {"lib": "/y", "alpine:latest": "/y", "docker.io/library/ubuntu": "/y"},
    }}}));
    let build = model.builds().expect("a model").pop().expect("a build");
    assert_eq!((build.context.as_str(), build.file.as_deref()), ("/x", Some("D")));
    assert_eq!(build.settings.arguments.get("N").map(String::as_str), Some("2"));
    assert_eq!(build.settings.arguments.get("A").map(String::as_str), Some("$1"));
    assert!(!build.settings.arguments.contains_key("Z"));
    // The others are handed on as they are, and builders never ask for them.
    assert_eq!(build.settings.contexts, ["lib".to_owned()].into());
    model.set_dockerfile(&build, Path::new("/tmp/$x"));
    let build = &model.0["services"]["app"]["build"];
    assert_eq!(build["dockerfile"], "/tmp/$$x");
}

#[test]
fn what_cannot_be_checked_is_refused() {
    for services in [
        json!({"a": {"provider": {"type": "model"}}}),
        json!({"a": {"image": "a:1", "sidecar": "b:1"}}),
        json!({"a": {"build": {"context": "/x", "base": "b:1"}}}),
        json!({"a": {"build": {"context": "/x", "sbom": true}}}),
        json!({"a": {"build": {"context": "/x", "cache_from": ["type=gha"]}}}),
        json!({"a": {"build": {"context": "/x", "additional_contexts": {"x": "https://y"}}}}),
    ] {
        assert!(images(services.clone()).is_err(), "{services}");
    }
    let models = json!({"services": {}, "models": {"llm": {"model": "ai/x"}}}).to_string();
    assert!(Model::parse(models.as_bytes()).expect("a model").images().is_err());
    for text in ["", "[]", "{}", "{\"services\":[]}"] {
        assert!(Model::parse(text.as_bytes()).is_err(), "{text}");
    }
}
