//! Docker's real compose, through us: what it is given, it runs; what nobody signed never gets
//! here.

#[path = "support/plugins.rs"]
mod plugins;
#[path = "support/registry.rs"]
mod registry;

use std::fs::File;

use plugins::PluginHost;
use registry::text;

const PROJECT: &str = "
x-image: &image {web}
services:
  web: { image: *image, network_mode: none }
  debug: { image: '{base}', network_mode: none, profiles: [debug], depends_on: [web] }
  bad: { image: '{evil}', network_mode: none, profiles: [bad] }
";

#[test]
fn compose_runs_what_is_signed() {
    let host = PluginHost::start();
    host.write("compose.yaml", PROJECT);
    host.done("compose up -d");
    assert!(host.done("compose logs --no-log-prefix web").contains("hello"));
    assert_eq!(host.done("compose run --rm web"), "hello\n");
}

#[test]
fn services_are_meant_by_name_and_profile() {
    let host = PluginHost::start();
    host.write("compose.yaml", PROJECT);
    // The unsigned one is not meant, and keeps nobody from the others.
    assert_eq!(host.done("compose run --rm debug"), "base\n");
    assert!(host.done("compose --profile debug up").contains("base"));
    assert!(host.done("COMPOSE_PROFILES=debug compose up debug").contains("base"));
    host.done("compose --profile debug create");
    host.write(".env", "COMPOSE_PROFILES=debug\n");
    host.done("compose pull");
    host.write(".env", "");
    host.done("compose up -d --remove-orphans web");
    let here = host.plain(&["ps", "-aq", "--filter", "label=com.docker.compose.service=debug"]);
    assert_ne!(here, "", "a service that is not meant is no orphan");
    for line in [
        "compose run --rm bad",
        "compose up -d bad",
        "compose --profile bad up -d",
        "compose --profile * pull",
        "COMPOSE_PROFILES=bad compose create",
        "compose scale bad=2",
    ] {
        host.refused(line, "remote trust data does not exist");
    }
}

#[test]
fn what_a_command_does_not_take_need_not_be_signed() {
    let host = PluginHost::start();
    host.write("app/Dockerfile", "FROM {base}\n");
    host.write(
        "compose.yaml",
        "services:
  web: { image: '{web}', network_mode: none, depends_on: [bad] }
  app: { build: { context: app, network: none }, network_mode: none, depends_on: [bad] }
  bad: { image: '{evil}', network_mode: none }",
    );
    for line in [
        "compose build",
        "compose build --with-dependencies app",
        "compose pull web",
        "compose up -d --no-deps web app",
        "compose scale --no-deps web=2",
    ] {
        host.done(line);
    }
    assert_eq!(host.done("compose run --rm --no-deps web"), "hello\n");
    for line in [
        "compose pull",
        "compose pull --include-deps web",
        "compose up -d web",
        "compose up -d --no-deps",
        "compose up -d --no-deps bad",
        "compose run --rm web",
        "compose scale web=3",
    ] {
        host.refused(line, "remote trust data does not exist");
    }
}

#[test]
fn images_are_found_wherever_compose_finds_them() {
    let host = PluginHost::start();
    host.write("compose.yaml", "services: { web: { image: '{web}', network_mode: none } }");
    host.write("evil.yaml", "services: { web: { image: '{evil}', network_mode: none } }");
    host.write("include.yaml", "include: [evil.yaml]\nservices: { b: { image: '{web}' } }");
    host.write("extend.yaml", "services: { b: { extends: { file: evil.yaml, service: web } } }");
    host.write("variable.yaml", "services: { b: { image: '${IMAGE:-{web}}' } }");
    let evil = host.image("evil");
    for line in [
        "compose -f compose.yaml -f evil.yaml up -d".to_owned(),
        "COMPOSE_FILE=compose.yaml:evil.yaml compose up -d".to_owned(),
        "compose -f include.yaml pull".to_owned(),
        "compose -f extend.yaml create".to_owned(),
        format!("IMAGE={evil} compose -f variable.yaml run b"),
    ] {
        host.refused(&line, "remote trust data does not exist");
    }
    host.write(".env", &format!("IMAGE={evil}\nCOMPOSE_FILE=variable.yaml\n"));
    host.refused("compose up -d", "remote trust data does not exist");
    host.write(".env", "");
    for (name, output) in [("compose.yaml", Some("hello\n")), ("evil.yaml", None)] {
        let input = File::open(host.project().join(name)).expect("a file");
        let said = host.docker_with("compose -f - run --rm -T web", input.into());
        match output {
            Some(output) => {
                assert_eq!(String::from_utf8_lossy(&said.stdout), output, "{}", text(&said))
            }
            None => assert_eq!(said.status.code(), Some(1), "{}", text(&said)),
        }
    }
}

#[test]
fn compose_fetches_no_part_of_a_project() {
    let host = PluginHost::start();
    let oci = format!("oci://{}/team/shop:1", host.servers.registry());
    let git = "https://git.example.invalid/shop.git";
    for (number, remote) in [oci.as_str(), git].into_iter().enumerate() {
        let file = format!("{number}.yaml");
        host.write(
            &file,
            &format!("include: ['{remote}']\nservices: {{ b: {{ image: '{{web}}' }} }}"),
        );
        host.refused(&format!("compose -f {file} up -d"), "carries no signature");
        let extends =
            format!("services: {{ b: {{ extends: {{ file: '{remote}', service: b }} }} }}");
        host.write(&file, &extends);
        host.refused(&format!("compose -f {file} up -d"), "carries no signature");
        // A project's own file cannot allow it.
        host.write(
            ".env",
            "COMPOSE_EXPERIMENTAL_OCI_REMOTE=true\nCOMPOSE_EXPERIMENTAL_GIT_REMOTE=true\n",
        );
        host.refused(&format!("compose -f {file} up -d"), "carries no signature");
        host.refused(&format!("compose -f {remote} up -d"), "carries no signature");
        host.write(".env", &format!("COMPOSE_FILE={remote}\nCOMPOSE_PATH_SEPARATOR=;\n"));
        host.refused("compose up -d", "docker compose");
        host.write(".env", "");
    }
}

#[test]
fn a_service_that_is_built_is_never_pulled_instead() {
    let host = PluginHost::start();
    host.write("app/Dockerfile", "ARG BASE={base}\nFROM ${BASE}\nCOPY Dockerfile /seen\n");
    host.write(
        "compose.yaml",
        "services: { app: { image: '{evil}', network_mode: none, build: {
        context: app, network: none, args: [BASE] } } }",
    );
    for line in [
        "compose up -d --pull always",
        "compose create --force-recreate --pull=missing",
        "compose pull --policy always",
        "compose up -d --build",
    ] {
        host.done(line);
    }
    assert!(host.done("compose logs --no-log-prefix").contains("base"));
    assert!(host.done("compose run --rm app").ends_with("\nbase\n"));
    host.plain(&["rmi", "--force", &host.image("evil")]);
    let evil = host.image("evil");
    for line in
        [format!("BASE={evil} compose build"), format!("compose build --build-arg BASE={evil}")]
    {
        host.refused(&line, "app/Dockerfile:2: ");
    }
    host.write(".env", "BASE={evil}\n");
    host.refused("compose up -d", "app/Dockerfile:2: ");
    host.write(".env", "BUILDKIT_SYNTAX={evil}\n");
    host.refused("compose build --build-arg BUILDKIT_SYNTAX", "needs its value here");
    host.write("app/Dockerfile", "FROM {base}\nCOPY --from={evil} /text /text\n");
    host.refused("compose build", "app/Dockerfile:2: ");
}
