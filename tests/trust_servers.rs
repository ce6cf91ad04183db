//! docker and notary against Notary's trust server and against ours: they say the same to each
//! word.

#[path = "support/registry.rs"]
mod registry;

use registry::{COUNTERSIGN, NOTARY_SERVER, TestRegistry};

/// What a user types: the program, its words, and whether content trust is on. `{image}` is the
/// repository.
struct Script<'s> {
    servers: &'s TestRegistry,
    image: String,
    docker: &'static str,
    said: Vec<String>,
}

impl<'s> Script<'s> {
    fn new(servers: &'s TestRegistry, name: &str, docker: &'static str) -> Self {
        let image = format!("{}/team/{name}", servers.registry());
        Self { servers, image, docker, said: Vec::new() }
    }

    /// Types a line, and yes to whatever is asked; what is said and how it ends is kept, and told.
    fn types(&mut self, line: &str) -> (Option<i32>, String) {
        let mut words = line.split(' ').map(|word| word.replace("{image}", &self.image));
        let mut program = words.next().expect("a program");
        let trusting = program == "trusting-docker";
        if program.ends_with("docker") {
            program = self.docker.to_owned();
        }
        let mut command = self.servers.command(program);
        if trusting {
            command.env("DOCKER_CONTENT_TRUST", "1");
        }
        let yes = format!("{}/yes", self.servers.variable("HOME"));
        std::fs::write(&yes, "yes\n").expect("written");
        command.stdin(std::fs::File::open(yes).expect("opened"));
        let output = command.args(words).output().expect("the program runs");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        let code = output.status.code();
        self.said.push(format!("$ {line}\n{code:?}\n{}", self.plain(&said)));
        (code, said + &errors)
    }

    fn succeeds(&mut self, lines: &[&str]) {
        for line in lines {
            let (code, said) = self.types(line);
            assert_eq!(code, Some(0), "{line}: {said}");
        }
    }

    fn fails(&mut self, line: &str, expected: &str) {
        let (code, said) = self.types(line);
        assert_ne!(code, Some(0), "{line}: {said}");
        assert!(said.contains(expected), "{line}: {said}");
    }

    /// Without addresses, times, key ids and digests, and in an order that does not depend on them.
    fn plain(&self, said: &str) -> String {
        let trust = self.servers.variable("TRUST_SERVER").trim_start_matches("https://");
        let said = said.replace(self.servers.registry(), "REGISTRY").replace(trust, "TRUST");
        let said = said.replace(self.servers.variable("TEST_REGISTRY_DIR"), "DIR");
        let words = |line: &str| {
            let random = |word: &str| {
                let bare = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
                let hex = bare.bytes().filter(u8::is_ascii_hexdigit).count() >= bare.len();
                bare.len() >= 12 && hex || bare.contains("sha256:") || word.ends_with("...")
            };
            line.split_whitespace().filter(|word| !random(word)).collect::<Vec<_>>().join(" ")
        };
        let mut lines: Vec<String> = said.lines().map(words).collect();
        lines.sort();
        lines.join("\n")
    }
}

/// Plays on both servers; what is said must be the same.
fn alike(options: &'static [&'static str], play: impl Fn(&TestRegistry) -> Vec<String>) {
    let said: Vec<Vec<String>> =
        TestRegistry::each(options).map(|servers| play(&servers)).collect();
    let [theirs, ours] = said.as_slice() else { panic!("{NOTARY_SERVER} and {COUNTERSIGN}") };
    assert_eq!(theirs.len(), ours.len());
    for (theirs, ours) in theirs.iter().zip(ours) {
        assert_eq!(theirs, ours);
    }
}

#[test]
fn notary_cannot_tell() {
    alike(&["--no-docker"], |servers| {
        let mut script = Script::new(servers, "notary", "docker");
        let home = servers.variable("HOME").to_owned();
        std::fs::write(format!("{home}/content"), "content").expect("written");
        script.fails("notary list {image}", "does not have trust data for");
        script.succeeds(&["docker trust key generate alice", "docker trust key generate bob"]);
        script.succeeds(&[
            "notary init -p {image}",
            "notary list {image}",
            "notary add -p {image} 1.0 home/content",
            "notary add {image} 2.0 home/content",
            "notary status {image}",
            "notary publish {image}",
            "notary list {image}",
            "notary lookup {image} 1.0",
            "notary verify {image} 1.0 -i home/content",
            "notary delegation add -p {image} targets/alice alice.pub --all-paths",
            "notary delegation add -p {image} targets/releases alice.pub bob.pub --paths v,w",
            "notary add -p -r targets/releases {image} v1 home/content",
            "notary witness -p {image} targets/releases",
            "notary list -r targets/releases {image}",
            "notary key rotate {image} snapshot -r",
            "notary add -p {image} 3.0 home/content",
            "notary key rotate {image} timestamp -r",
            "notary key rotate {image} targets",
            "notary key rotate {image} snapshot",
            "notary add -p {image} 4.0 home/content",
            "notary witness -p {image} targets/releases",
            "notary remove -p {image} 1.0",
            "notary delegation remove -p {image} targets/alice --yes",
            "notary list {image}",
            "notary delegation list {image}",
        ]);
        script.fails("notary lookup {image} 1.0", "No valid trust data for 1.0");
        script.fails("notary key rotate {image} targets -r", "targets");
        script.succeeds(&[
            "notary key rotate {image} root",
            "notary list {image}",
            "notary delete {image}",
            "notary list {image}",
            "notary delete --remote {image}",
        ]);
        script.fails("notary list {image}", "does not have trust data for");
        script.succeeds(&["notary init -p {image}", "notary list {image}"]);
        script.said
    });
}

#[test]
fn docker_cannot_tell() {
    alike(&[], |servers| {
        let mut said = Vec::new();
        for (name, docker) in [("old", "/usr/bin/docker"), ("new", "docker")] {
            servers.seed(&format!("team/{name}:1"), &[]);
            servers.seed(&format!("team/{name}:2"), &["--text", "two"]);
            let mut script = Script::new(servers, name, docker);
            script.fails("trusting-docker pull -q {image}:1", "does not have trust data");
            script.succeeds(&[
                "docker pull -q {image}:1",
                "docker pull -q {image}:2",
                "trusting-docker push -q {image}:1",
                "docker trust inspect --pretty {image}",
            ]);
            let key = format!("docker trust key generate {name}-alice");
            let add = format!("docker trust signer add --key {name}-alice.pub alice {{image}}");
            script.succeeds(&[
                &key,
                &add,
                "docker trust sign {image}:2",
                "trusting-docker pull -q {image}:2",
                "trusting-docker run --rm --network none {image}:2",
                "docker trust inspect --pretty {image}",
                "docker trust revoke -y {image}:1",
                "docker trust signer remove -f alice {image}",
                "docker trust inspect --pretty {image}",
            ]);
            script.fails("trusting-docker pull -q {image}:3", "trust data for 3");
            said.extend(script.said);
        }
        said
    });
}

#[test]
fn tokens_open_the_same_doors() {
    alike(&["--no-docker", "--auth", "token"], |servers| {
        let mut script = Script::new(servers, "guarded", "docker");
        servers.seed("team/guarded:1", &[]);
        script.succeeds(&[
            "docker trust key generate alice",
            "docker trust signer add --key alice.pub alice {image}",
            "docker trust inspect --pretty {image}",
            "notary list {image}",
            "notary delegation list {image}",
            "notary key rotate {image} snapshot -r",
            "notary delete --remote {image}",
        ]);
        script.said
    });
}

#[test]
fn with_passwords_docker_and_notary_do_all_that_they_do_without() {
    let servers =
        TestRegistry::start(&["--no-docker", "--auth", "htpasswd", "--trust", COUNTERSIGN]);
    let mut script = Script::new(&servers, "guarded", "docker");
    servers.seed("team/guarded:1", &[]);
    let home = servers.variable("HOME").to_owned();
    std::fs::write(format!("{home}/content"), "content").expect("written");
    for (docker, signer) in [("/usr/bin/docker", "alice"), ("docker", "bob")] {
        script.docker = docker;
        let key = format!("docker trust key generate {signer}");
        let add = format!("docker trust signer add --key {signer}.pub {signer} {{image}}");
        let (tag, lookup) = (
            format!("notary add -p {{image}} {signer} home/content"),
            format!("notary lookup {{image}} {signer}"),
        );
        script.succeeds(&[
            &key,
            &add,
            "docker trust inspect --pretty {image}",
            "notary list {image}",
            "notary delegation list {image}",
            &tag,
            &lookup,
            "notary key rotate {image} snapshot -r",
        ]);
    }
    // Strangers see nothing, and learn no more than how to be let in.
    let strangers = servers.stranger();
    let nothing = strangers.join("trust").display().to_string();
    for line in [&["docker", "trust", "inspect"][..], &["notary", "-d", &nothing, "list"]] {
        let mut command = servers.command(line[0]);
        command.args(&line[1..]).arg(&script.image).env("DOCKER_CONFIG", &strangers);
        command.env_remove("NOTARY_AUTH");
        let output = command.output().expect("the program runs");
        assert!(!output.status.success(), "{line:?}");
        assert!(!String::from_utf8_lossy(&output.stdout).contains("alice"), "{line:?}");
    }
    script.succeeds(&["notary delete --remote {image}"]);
}
