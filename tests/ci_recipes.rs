//! The steps in `docs/ci`, run: their shell parts are taken out of the files, and do what they say
//! against a real registry and trust server. Only buildx is played: it pushes a tiny image and
//! writes the metadata file.

#[path = "support/registry.rs"]
mod registry;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use registry::{TestRegistry, text};

const RECIPES: [&str; 4] =
    ["github-actions.yml", "gitlab-ci.yml", "azure-pipelines.yml", "Jenkinsfile"];

/// The shell of each step: the block below a line that begins a script.
fn scripts(recipe: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/ci").join(recipe);
    let text = fs::read_to_string(path).expect("a recipe");
    let begins = |line: &str| {
        let line = line.trim_start();
        ["run: |", "- |", "- bash: |", "sh '''"].contains(&line)
    };
    let depth = |line: &str| line.len() - line.trim_start().len();
    let lines: Vec<&str> = text.lines().collect();
    let mut scripts = Vec::new();
    for at in (0..lines.len()).filter(|at| begins(lines[*at])) {
        // What is less indented than its first line is no part of it.
        let body = &lines[at + 1..];
        let inside = body.first().map_or(0, |first| depth(first));
        let body = body.iter().take_while(|line| line.is_empty() || depth(line) >= inside);
        let body: Vec<&str> = body.map(|line| line.trim_start()).collect();
        scripts.push(body.join("\n") + "\n");
    }
    scripts
}

/// A pipeline's machine, which has nothing but what its CI system gives it.
struct Runner<'r> {
    servers: &'r TestRegistry,
    folder: PathBuf,
    image: String,
    variables: Vec<(&'static str, String)>,
}

impl<'r> Runner<'r> {
    /// A repository with a signer `ci`, and a runner with that signer's key.
    fn new(servers: &'r TestRegistry, name: &str) -> Self {
        let image = format!("{}/ci/{name}", servers.registry());
        let owner = Owner { servers, image: image.clone() };
        owner.run(&["sign", &format!("{image}:0@sha256:{}", "0".repeat(64)), "--size", "405"]);
        if !Path::new(servers.variable("TEST_REGISTRY_DIR")).join("ci.pub").exists() {
            owner.run(&["key", "generate", "ci"]);
        }
        owner.run(&["docker-trust", "signer", "add", "--key", "ci.pub", "ci", &image]);
        let folder = Path::new(servers.variable("TEST_REGISTRY_DIR")).join("runners").join(name);
        fs::create_dir_all(folder.join("home/.docker")).expect("a folder");
        fs::create_dir_all(folder.join("bin")).expect("a folder");
        let tls = Path::new(servers.variable("DOCKER_CONFIG")).join("tls");
        let copied =
            Command::new("cp").arg("-r").arg(tls).arg(folder.join("home/.docker")).status();
        assert!(copied.is_ok_and(|status| status.success()));
        let runner = Self {
            servers,
            variables: vec![
                ("SIGNER_KEY", owner.key_of("ci")),
                (
                    "DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE",
                    servers.variable("DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE").to_owned(),
                ),
                ("SIGNER", "ci".to_owned()),
                ("ROOT_KEY", owner.root_key()),
                ("IMAGE", image.clone()),
                ("TAG", "1".to_owned()),
            ],
            folder,
            image,
        };
        runner.plays_buildx();
        runner
    }

    /// A docker whose `buildx build` pushes an image and tells what it is.
    fn plays_buildx(&self) {
        let seed = Path::new(env!("CARGO_MANIFEST_DIR")).join("test-registry/seed");
        let script = format!(
            "#!/bin/bash\nset -eu\n[[ \"$1 $2 $3 $4 $6 $7 $8\" == 'buildx build --push --tag --metadata-file build.json .' ]]\n\
             pushed=$(DOCKER_CONFIG={} {} --text \"$5\" \"${{5#*/}}\")\n\
             digest=${{pushed#*@}} size=${{pushed##* }}\n\
             printf '{{\"image.name\": \"%s\", \"containerimage.digest\": \"%s\", \"containerimage.descriptor\": \
             {{\"digest\": \"%s\", \"size\": %d}}}}\\n' \"$5\" \"${{digest% *}}\" \"${{digest% *}}\" \"$size\" >\"$7\"\n",
            self.servers.variable("DOCKER_CONFIG"),
            seed.display(),
        );
        let path = self.folder.join("bin/docker");
        fs::write(&path, script).expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("set");
        std::os::unix::fs::symlink(
            env!("CARGO_BIN_EXE_countersign"),
            self.folder.join("bin/countersign"),
        )
        .expect("a link");
    }

    #[expect(clippy::disallowed_methods, reason = "the search path is that of whoever tests")]
    fn shell(&self, script: &str, changes: &[(&str, &str)]) -> Output {
        let path = std::env::var("PATH").unwrap_or_default();
        let mut command = Command::new("sh");
        command.args(["-c", script]).env_clear().current_dir(&self.folder);
        command.env("PATH", format!("{}:{path}", self.folder.join("bin").display()));
        command.env("HOME", self.folder.join("home")).env("REGISTRY", self.servers.registry());
        command.env(
            "DOCKER_CONTENT_TRUST_SERVER",
            self.servers.variable("DOCKER_CONTENT_TRUST_SERVER"),
        );
        command.envs(self.variables.iter().map(|(name, value)| (*name, value.as_str())));
        command.envs(changes.iter().copied());
        command.output().expect("sh runs")
    }

    /// What a host that knows nothing else finds signed.
    fn signed(&self) -> Option<String> {
        let folder = tempfile::tempdir().expect("a folder");
        let reference = format!("{}:1", self.image);
        let mut command = self.servers.command(env!("CARGO_BIN_EXE_countersign"));
        command.args([
            "--trust-dir",
            folder.path().to_str().expect("a path"),
            "verify",
            &reference,
        ]);
        let output = command.output().expect("it runs");
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }
}

/// Whoever has the repository's own keys.
struct Owner<'r> {
    servers: &'r TestRegistry,
    image: String,
}

impl Owner<'_> {
    fn run(&self, arguments: &[&str]) -> String {
        self.servers.run(env!("CARGO_BIN_EXE_countersign"), arguments)
    }

    fn key_of(&self, role: &str) -> String {
        let listed = self.run(&["key", "list", "--format", "json"]);
        let entries = listed
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON"));
        let entry = entries.into_iter().find(|entry| entry["role"] == role).expect("a key");
        self.run(&["key", "export", "--key", entry["id"].as_str().expect("an id")])
    }

    fn root_key(&self) -> String {
        let shown = self.run(&["inspect", &self.image]);
        let shown: serde_json::Value = serde_json::from_str(&shown).expect("JSON");
        let keys = shown[0]["AdministrativeKeys"].as_array().expect("keys");
        let root = keys.iter().find(|it| it["Name"] == "Root").expect("root");
        root["Keys"][0]["ID"].as_str().expect("an id").to_owned()
    }
}

#[test]
fn recipes_sign_what_they_built_with_one_key_and_leave_none_behind() {
    let servers = TestRegistry::start(&["--no-docker"]);
    for recipe in RECIPES {
        let runner = Runner::new(&servers, &recipe.to_lowercase());
        let scripts = scripts(recipe);
        assert_eq!(scripts.len(), 2, "{recipe}: build, and sign");
        for script in &scripts {
            let done = runner.shell(script, &[]);
            assert!(done.status.success(), "{recipe}: {script}\n{}", text(&done));
            assert!(!text(&done).contains("PRIVATE KEY"), "{recipe}: the key is not said");
        }
        let metadata = fs::read_to_string(runner.folder.join("build.json")).expect("metadata");
        let metadata: serde_json::Value = serde_json::from_str(&metadata).expect("JSON");
        let built = metadata["containerimage.digest"].as_str().expect("a digest");
        assert_eq!(runner.signed(), Some(format!("{}@{built}", runner.image)), "{recipe}");
        for left in ["signer.pem", ".trust"] {
            assert!(!runner.folder.join(left).exists(), "{recipe}: {left} is left behind");
        }
    }
}

#[test]
fn recipes_fail_loudly_and_sign_nothing() {
    let servers = TestRegistry::start(&["--no-docker"]);
    for recipe in RECIPES {
        let runner = Runner::new(&servers, &recipe.to_lowercase());
        let scripts = scripts(recipe);
        let built = runner.shell(&scripts[0], &[]);
        assert!(built.status.success(), "{recipe}: {}", text(&built));
        let other_root = "f".repeat(64);
        for (what, changes) in [
            ("no key", &[("SIGNER_KEY", "")] as &[(&str, &str)]),
            ("wrong passphrase", &[("DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE", "wrong")]),
            ("another root", &[("ROOT_KEY", &other_root)]),
            ("no such signer", &[("SIGNER", "nobody")]),
            ("no trust server", &[("DOCKER_CONTENT_TRUST_SERVER", "https://127.0.0.1:1")]),
        ] {
            let done = runner.shell(&scripts[1], changes);
            assert!(!done.status.success(), "{recipe}: {what}: {}", text(&done));
            assert!(!done.stderr.is_empty(), "{recipe}: {what}: says why");
            assert_eq!(runner.signed(), None, "{recipe}: {what}");
            assert!(!runner.folder.join("signer.pem").exists(), "{recipe}: {what}");
        }
        fs::write(runner.folder.join("build.json"), "{}").expect("written");
        let done = runner.shell(&scripts[1], &[]);
        assert!(!done.status.success(), "{recipe}: nothing was built");
    }
}
