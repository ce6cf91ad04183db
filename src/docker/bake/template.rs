//! Texts in bake files, which are templates (buildx `bake/bake.go`, `Target.MarshalJSON`).

use serde_json::{Map, Value};

/// Takes back what newer versions of buildx double in what they print.
pub(super) fn read(target: &mut Value) {
    for key in DOUBLED {
        if let Some(value) = target.get_mut(key) {
            each_text(value, &|text| text.replace("$${", "${").replace("%%{", "%{"));
        }
    }
}

/// Doubles everything that would begin a template, in names, too.
pub(super) fn write(target: &mut Value) {
    each_text(target, &double);
    each_name(target);
}

fn double(text: &str) -> String {
    text.replace("${", "$${").replace("%{", "%%{")
}

fn each_text(value: &mut Value, change: &impl Fn(&str) -> String) {
    match value {
        Value::String(text) => *text = change(text),
        Value::Array(items) => items.iter_mut().for_each(|item| each_text(item, change)),
        Value::Object(members) => members.values_mut().for_each(|item| each_text(item, change)),
        _ => {}
    }
}

fn each_name(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(each_name),
        Value::Object(members) => {
            members.values_mut().for_each(each_name);
            let named = std::mem::take(members).into_iter();
            *members = named.map(|(name, item)| (double(&name), item)).collect::<Map<_, _>>();
        }
        _ => {}
    }
}

const DOUBLED: [&str; 5] = ["annotations", "args", "dockerfile-inline", "extra-hosts", "labels"];
