//! Docker's real buildx, baking through us: what is built, is built from what was signed.

#[path = "support/plugins.rs"]
mod plugins;
#[path = "support/registry.rs"]
mod registry;

use std::fs::File;

use plugins::PluginHost;
use registry::text;

const DEFINITION: &str = r#"
variable "BASE" { default = "{base}" }
group "default" { targets = ["app", "inline"] }
target "_all" { output = ["type=docker"] }
target "app" {
  inherits = ["_all"]
  context = "app"
  args = { BASE = BASE, PRICE = "$${x}" }
  tags = ["shop/app"]
}
target "inline" {
  inherits = ["_all"]
  dockerfile-inline = "FROM {web}\nARG price=9\nLABEL price=$${price}\n"
  tags = ["shop/inline"]
}
"#;

fn host() -> PluginHost {
    let host = PluginHost::start();
    host.write("docker-bake.hcl", DEFINITION);
    host.write("app/Dockerfile", "ARG BASE\nFROM ${BASE}\nARG PRICE\nLABEL price=${PRICE}\n");
    host
}

fn says(host: &PluginHost, image: &str) -> String {
    host.plain(&["run", "--rm", "--network", "none", image])
}

fn price(host: &PluginHost, image: &str) -> String {
    let price = host.plain(&["inspect", "-f", "{{.Config.Labels.price}}", image]);
    price.trim().to_owned()
}

#[test]
fn bake_builds_what_is_signed() {
    let host = host();
    host.done("buildx bake");
    assert_eq!(says(&host, "shop/app"), "base\n");
    assert_eq!(price(&host, "shop/app"), "${x}", "a text that looks like a template stays one");
    assert_eq!(says(&host, "shop/inline"), "hello\n");
    assert_eq!(price(&host, "shop/inline"), "9");
    let web = host.image("web");
    host.done(&format!("buildx bake --set app.args.BASE={web} --set app.tags=shop/other app"));
    assert_eq!(says(&host, "shop/other"), "hello\n");
    let input = File::open(host.project().join("docker-bake.hcl")).expect("a file");
    let baked =
        host.docker_with("buildx bake -f - --set inline.tags=shop/third inline", input.into());
    assert!(baked.status.success(), "{}", text(&baked));
    assert_eq!(price(&host, "shop/third"), "9");
    assert!(host.done("buildx bake --print").contains("\"shop/app\""));
}

#[test]
fn bake_builds_nothing_else() {
    let host = host();
    let evil = host.image("evil");
    for line in [
        format!("BASE={evil} buildx bake"),
        format!("buildx bake --set app.args.BASE={evil} app"),
        format!("buildx bake --set *.args.BUILDKIT_SYNTAX={evil}"),
        format!("buildx bake --set app.contexts.base=docker-image://{evil}"),
        format!("buildx bake --set app.cache-from={evil}"),
    ] {
        host.refused(&line, "");
    }
    // To be asked for its definition must not make buildx build.
    let line = "buildx bake --print=false --set app.tags=shop/leak app";
    host.refused(&format!("{line} --set app.args.BASE={evil}"), "remote trust data does not exist");
    assert_eq!(host.plain(&["images", "-q", "shop/leak"]), "");
    host.write("more.json", r#"{"target": {"inline": {"dockerfile-inline": "FROM {evil}\n"}}}"#);
    host.refused("buildx bake -f docker-bake.hcl -f more.json", "target inline:1: ");
    host.write(
        "shop.yaml",
        "services: { app: { build: { context: ., dockerfile_inline: 'FROM {evil}' } } }",
    );
    host.refused("buildx bake -f shop.yaml", "remote trust data does not exist");
    for (set, words) in [
        ("app.context=https://git.example.invalid/x.git", "fetch it first"),
        ("app.contexts.lib=cwd://./github.com/x/y", "fetch it first"),
        ("app.attest=type=sbom", "SBOM"),
        ("app.cache-from=type=gha", "cache"),
    ] {
        host.refused(&format!("buildx bake --set {set}"), words);
    }
    host.write("app/Dockerfile.dockerignore", "secret\n");
    host.refused("buildx bake", "Dockerfile.dockerignore");
    host.refused("buildx bake https://git.example.invalid/x.git", "carries no signature");
}
