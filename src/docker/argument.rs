//! The name of a collection in commands that are printed to be run.

use crate::tuf::Gun;

/// A collection as our commands take it: one whose name an image would not have, or would have for
/// another collection, needs `--raw-gun`.
pub(crate) fn argument(gun: &Gun) -> String {
    match gun.is_of_image() {
        true => gun.to_string(),
        false => format!("--raw-gun {gun}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_means_the_collection() {
        for (name, printed) in [
            ("docker.io/library/alpine", "docker.io/library/alpine"),
            ("registry.example.com:5000/team/web", "registry.example.com:5000/team/web"),
            ("alpine", "--raw-gun alpine"),
            ("plain/name", "--raw-gun plain/name"),
            ("docker.io/alpine", "--raw-gun docker.io/alpine"),
            ("registry.example.com/Team/web", "--raw-gun registry.example.com/Team/web"),
            ("registry.example.com/web:1", "--raw-gun registry.example.com/web:1"),
        ] {
            assert_eq!(argument(&Gun::raw(name).expect(name)), printed);
        }
    }
}
