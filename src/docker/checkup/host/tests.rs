use super::*;

fn docker(major: u32) -> Option<DockerProgram> {
    Some(DockerProgram { path: "/usr/bin/docker".into(), major: Some(major) })
}

/// A host on which all is well.
fn honest() -> Host {
    Host { trust: ContentTrust::On, docker: docker(28), ..Host::default() }
}

fn ids(host: &Host) -> Vec<(&'static str, Severity)> {
    host_findings(host).iter().map(|finding| (finding.id.as_str(), finding.severity)).collect()
}

#[test]
fn nothing_is_said_of_a_host_that_verifies() {
    assert_eq!(ids(&honest()), []);
    let shim = Shim::First("/opt/docker".into());
    let with_shim = Host {
        docker: docker(29),
        shim,
        plugin: Plugin::Ours("/p".into()),
        buildx: true,
        trust_server: Some("https://t".into()),
        ..honest()
    };
    assert_eq!(ids(&with_shim), []);
    assert_eq!(ids(&Host::default()), [], "no docker, nothing believed");
}

#[test]
fn each_finding_of_a_host_is_provoked() {
    use Severity::{Broken, Note, Unverified, Warning};
    let ignored = Host { docker: docker(29), plugin: Plugin::Ours("/p".into()), ..honest() };
    for (host, expected) in [
        (ignored.clone(), ("docker-ignores-trust", Unverified)),
        (
            Host { trust: ContentTrust::read(Some("no")), ..honest() },
            ("trust-variable-odd", Warning),
        ),
        (Host { trust: ContentTrust::Unset, ..honest() }, ("trust-off", Note)),
        (Host { shim: Shim::Behind("/o/docker".into()), ..honest() }, ("shim-behind", Unverified)),
        (Host { buildx: true, ..honest() }, ("build-unchecked", Unverified)),
        (
            Host {
                plugin: Plugin::Absent,
                trust: ContentTrust::On,
                shim: Shim::First("/o".into()),
                ..ignored.clone()
            },
            ("plugin-missing", Note),
        ),
        (Host { plugin: Plugin::Broken("/p".into()), ..honest() }, ("plugin-broken", Warning)),
        (Host { plugin: Plugin::Another("/p".into()), ..honest() }, ("plugin-foreign", Note)),
        (
            Host { trust_server: Some("http://t".into()), ..honest() },
            ("trust-server-plain", Broken),
        ),
        (
            Host {
                daemon: Daemon {
                    unprotected: Some(("DOCKER_HOST".into(), "tcp://h:2375".into())),
                    ..Daemon::default()
                },
                ..honest()
            },
            ("daemon-plain", Unverified),
        ),
        (
            Host {
                daemon: Daemon { insecure_registries: vec!["r.lan".into()], ..Daemon::default() },
                ..honest()
            },
            ("insecure-registry", Note),
        ),
    ] {
        assert_eq!(ids(&host), [expected], "{host:?}");
    }
}

#[test]
fn variable_is_read_as_docker_reads_it() {
    for (value, on) in [
        (None, false),
        (Some(""), false),
        (Some("0"), false),
        (Some("False"), false),
        (Some("1"), true),
        (Some("TRUE"), true),
        (Some("no"), true),
        (Some(" "), true),
    ] {
        assert_eq!(ContentTrust::read(value).is_on(), on, "{value:?}");
    }
}
