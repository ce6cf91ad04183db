//! How the program is linked.

#[expect(clippy::disallowed_methods, reason = "cargo tells build scripts of the target this way")]
fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // The program is relocated whenever it starts: ten thousand addresses, packed as bits instead
    // of entries, so that half a megabyte less is read for it.
    let target = |what: &str| std::env::var(what).unwrap_or_default();
    if target("CARGO_CFG_TARGET_OS") == "linux" && target("CARGO_CFG_TARGET_ENV") == "gnu" {
        println!("cargo::rustc-link-arg-bin=countersign=-Wl,-z,pack-relative-relocs");
    }
}
