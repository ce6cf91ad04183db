//! How the program is linked.

use std::env;

#[expect(clippy::disallowed_methods, reason = "cargo tells build scripts of the target this way")]
fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={FIRST}");
    let told = |what: &str| env::var(what).unwrap_or_default();
    if told("CARGO_CFG_TARGET_OS") != "linux" || told("CARGO_CFG_TARGET_ENV") != "gnu" {
        return;
    }
    // The program is relocated whenever it starts: ten thousand addresses, packed as bits instead
    // of entries, so that half a megabyte less is read for it.
    link("-z,pack-relative-relocs");
    if told("PROFILE") == "release" {
        // What calls run stands together: three megabytes less are read and kept in memory.
        link(&format!("-T,{}/{FIRST}", told("CARGO_MANIFEST_DIR")));
    }
}

fn link(option: &str) {
    println!("cargo::rustc-link-arg-bin=countersign=-Wl,{option}");
}

/// The functions that calls run, by name (`packaging/order` writes it).
const FIRST: &str = "packaging/first.ld";
