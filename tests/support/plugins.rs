//! A docker host with docker's real plugins, and ourselves under docker's name.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use crate::registry::{TestRegistry, text};

/// A daemon, a registry with signed and unsigned images, and a project's folder.
pub(crate) struct PluginHost {
    pub(crate) servers: TestRegistry,
    folder: tempfile::TempDir,
}

impl PluginHost {
    /// `team/web:1` and `team/base:1` are signed and say `hello` and `base`; `team/evil:1` is not.
    pub(crate) fn start() -> Self {
        let servers = TestRegistry::start(&["--trust", "countersign"]);
        let host = Self { servers, folder: tempfile::tempdir().expect("a folder") };
        let plugins = Path::new(host.servers.variable("DOCKER_CONFIG")).join("cli-plugins");
        fs::create_dir_all(&plugins).expect("a folder");
        for name in ["docker-compose", "docker-buildx"] {
            symlink(plugin(name), plugins.join(name)).expect("linked");
        }
        symlink(env!("CARGO_BIN_EXE_countersign"), host.folder.path().join("docker"))
            .expect("linked");
        fs::create_dir(host.project()).expect("a folder");
        host.servers.seed("team/web:1", &[]);
        host.servers.seed("team/base:1", &["--text", "base"]);
        host.servers.seed("team/evil:1", &["--text", "evil"]);
        let (web, base) = (host.image("web"), host.image("base"));
        host.servers.run(env!("CARGO_BIN_EXE_countersign"), &["sign", &web, &base]);
        host
    }

    pub(crate) fn project(&self) -> PathBuf {
        self.folder.path().join("shop")
    }

    /// `REGISTRY/team/NAME:1`
    pub(crate) fn image(&self, name: &str) -> String {
        format!("{}/team/{name}:1", self.servers.registry())
    }

    /// Writes a file of the project, in which `{web}` and the like are images.
    pub(crate) fn write(&self, name: &str, content: &str) {
        let path = self.project().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        let names = ["web", "base", "evil"];
        let content = names.iter().fold(content.to_owned(), |content, name| {
            content.replace(&format!("{{{name}}}"), &self.image(name))
        });
        fs::write(path, content).expect("written");
    }

    /// Docker through us, in the project's folder, with variables before the words.
    pub(crate) fn docker(&self, line: &str) -> Output {
        self.docker_with(line, Stdio::null())
    }

    pub(crate) fn docker_with(&self, line: &str, input: Stdio) -> Output {
        let words = line.split(' ').filter(|word| !word.is_empty());
        let mut command = self.servers.command(self.folder.path().join("docker"));
        command.env("DOCKER_CONTENT_TRUST", "1").current_dir(self.project()).stdin(input);
        let mut is_docker = false;
        for word in words {
            match word.split_once('=') {
                Some((name, value)) if !is_docker => drop(command.env(name, value)),
                _ => {
                    is_docker = true;
                    command.arg(word);
                }
            }
        }
        command.output().expect("it runs")
    }

    /// The same, which must succeed; what it said on stdout.
    pub(crate) fn done(&self, line: &str) -> String {
        let output = self.docker(line);
        assert!(output.status.success(), "{line}: {}", text(&output));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// The same, which must be refused with 1 and these words, before anything unsigned is here.
    pub(crate) fn refused(&self, line: &str, words: &str) {
        let output = self.docker(line);
        assert_eq!(output.status.code(), Some(1), "{line}: {}", text(&output));
        assert!(text(&output).contains(words), "{line}: {}", text(&output));
        assert_eq!(
            self.plain(&["images", "-q", "--filter", &format!("reference={}", self.image("evil"))]),
            ""
        );
    }

    /// Docker itself.
    pub(crate) fn plain(&self, words: &[&str]) -> String {
        self.servers.run("docker", words)
    }
}

/// What `test-registry/install test` puts beside the build.
fn plugin(name: &str) -> PathBuf {
    let plugins = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("docker-plugins");
    let plugin = plugins.join(name);
    assert!(plugin.exists(), "{} is missing: test-registry/install test", plugin.display());
    plugin
}
