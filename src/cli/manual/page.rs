//! Manual pages: clap's parts, in the sections that readers of manuals look for.

use std::fs;
use std::io;
use std::path::Path;

use clap::Command;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

/// Writes the page of a command and those of all below it, each into a file of its name.
///
/// # Errors
///
/// If a file cannot be written.
pub(super) fn write_all(command: Command, folder: &Path) -> io::Result<()> {
    let mut command = command.disable_help_subcommand(true);
    command.build();
    write_tree(&command, folder)
}

fn write_tree(command: &Command, folder: &Path) -> io::Result<()> {
    for below in command.get_subcommands().filter(|it| !it.is_hide_set()) {
        write_tree(below, folder)?;
    }
    fs::write(folder.join(Man::new(command.clone()).get_filename()), page(command)?)
}

/// The page of one command, which was built.
///
/// # Errors
///
/// None: a page is made in memory.
pub(super) fn page(command: &Command) -> io::Result<Vec<u8>> {
    let man = Man::new(command.clone()).source(concat!("countersign ", env!("CARGO_PKG_VERSION")));
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    synopsis(command).to_writer(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    if command.has_subcommands() {
        man.render_subcommands_section(&mut page)?;
    }
    let rest = command.get_after_long_help().or_else(|| command.get_after_help());
    let rest = rest.map(ToString::to_string).unwrap_or_default();
    for paragraph in rest.split("\n\n").filter(|it| !it.is_empty()) {
        section(paragraph).to_writer(&mut page)?;
    }
    Ok(with_one_preamble(&String::from_utf8_lossy(&page)).into_bytes())
}

/// Each section comes with the definitions that the first one made for all.
fn with_one_preamble(page: &str) -> String {
    let preamble = Roff::new().render();
    format!("{preamble}{}", page.replace(&preamble, ""))
}

/// One line for each way to call it, as its help has them; the global options stand further below.
fn synopsis(command: &Command) -> Roff {
    let usage = command.clone().render_usage().to_string();
    let mut text = Roff::new();
    text.control("SH", ["SYNOPSIS"]).control("nf", []);
    for line in usage.trim_start_matches("Usage:").lines() {
        text.text([bold(line.trim())]);
    }
    text.control("fi", []);
    text
}

/// A paragraph of what stands behind a command's help. `Examples:` and `Exit codes:` are sections.
fn section(paragraph: &str) -> Roff {
    let mut text = Roff::new();
    let (first, lines) = paragraph.split_once('\n').unwrap_or((paragraph, ""));
    let title = match first {
        "Examples:" | "Example:" => "EXAMPLES",
        "Exit codes:" => "EXIT STATUS",
        _ => {
            text.control("SH", ["NOTES"]).text([roman(paragraph)]);
            return text;
        }
    };
    text.control("SH", [title]).control("nf", []);
    for line in lines.lines() {
        text.text([roman(line.strip_prefix("  ").unwrap_or(line))]);
    }
    text.control("fi", []);
    text
}
