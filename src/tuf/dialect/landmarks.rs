//! Landmarks of a large targets file.
//!
//! Twenty thousand tags are megabytes of JSON, in the order of their names. Who keeps a few of the
//! names with their places finds an entry in a small part of the file, and that part, with what
//! stands before and after the entries, is again a targets file: one of fewer entries.

use std::ops::Range;

use super::json::ParseError;
use super::skim::Skim;

/// Where in a written targets file some of its entries lie, in the order of their names.
///
/// They describe bytes that were accepted in full, and are worth nothing for others.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Landmarks {
    marks: Vec<Landmark>,
    end: u64,
}

/// One of them.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Landmark {
    /// Bytes of the file up to here, the entry before included.
    pub at: u64,
    /// The name of the entry after it.
    pub name: String,
}

impl Landmarks {
    /// Landmarks as they were written down: `end` is where the last entry ends, in bytes. `None`
    /// unless places and names rise, and there are any.
    pub fn new(marks: Vec<Landmark>, end: u64) -> Option<Self> {
        let rises = |pair: &[Landmark]| match pair {
            [one, next] => one.at < next.at && one.name < next.name,
            _ => true,
        };
        let ends = marks.last().is_some_and(|last| last.at < end);
        (ends && marks.windows(2).all(rises)).then_some(Self { marks, end })
    }

    /// The landmarks of a targets file that was accepted in full, in either written form. `None` of
    /// a small one, and of one whose names are not in order or are written with escapes.
    pub fn of(file: &[u8]) -> Option<Self> {
        let spacing = (file.len() / MARKS).max(SPACING);
        let mut survey = Survey { spacing, marks: Vec::new(), last: 0, name: "", end: 0 };
        match file.len() >= spacing.saturating_mul(2) {
            true => survey.file(file).ok()?,
            false => return None,
        }
        Self::new(survey.marks, survey.end as u64)
    }

    /// The landmarks.
    pub fn marks(&self) -> &[Landmark] {
        &self.marks
    }

    /// Where the last entry ends, in bytes.
    pub fn end(&self) -> u64 {
        self.end
    }

    /// The parts of the file that together are a targets file with all that the whole says of these
    /// names, and of everything but names: ranges of bytes, in order.
    pub fn parts(&self, names: &[&str]) -> Vec<Range<u64>> {
        let mut chosen: Vec<usize> = names.iter().filter_map(|name| self.stretch(name)).collect();
        chosen.sort_unstable();
        chosen.dedup();
        let stretches = chosen.into_iter().filter_map(|index| {
            let next = index.checked_add(1).and_then(|next| self.marks.get(next));
            Some(self.marks.get(index)?.at..next.map_or(self.end, |next| next.at))
        });
        let head = 0..self.marks.first().map_or(self.end, |first| first.at);
        std::iter::once(head).chain(stretches).chain(std::iter::once(self.end..u64::MAX)).collect()
    }

    /// The same, of a file that is in memory, put together.
    pub fn excerpt(&self, file: &[u8], names: &[&str]) -> Vec<u8> {
        let place = |at: u64| usize::try_from(at).unwrap_or(file.len()).min(file.len());
        let part = |part: Range<u64>| file.get(place(part.start)..place(part.end));
        self.parts(names).into_iter().filter_map(part).flatten().copied().collect()
    }

    /// After which landmark a name stands; `None` before the first.
    fn stretch(&self, name: &str) -> Option<usize> {
        self.marks.partition_point(|mark| mark.name.as_str() <= name).checked_sub(1)
    }
}

/// A walk over the entries of a file.
struct Survey<'f> {
    spacing: usize,
    marks: Vec<Landmark>,
    /// Where the last landmark stands.
    last: usize,
    /// The last entry, and where it ends.
    name: &'f str,
    end: usize,
}

impl<'f> Survey<'f> {
    fn file(&mut self, file: &'f [u8]) -> Result<(), ParseError> {
        let mut file = Skim::of(file)?;
        file.members(|file, name| match name.as_ref() {
            "signed" => file.members(|file, name| match name.as_ref() {
                "targets" => self.entries(file),
                _ => file.skip(),
            }),
            _ => file.skip(),
        })
    }

    fn entries(&mut self, file: &mut Skim<'f>) -> Result<(), ParseError> {
        file.members(|file, name| {
            let std::borrow::Cow::Borrowed(name) = name else { return Err(out_of_order()) };
            self.entry(name)?;
            file.skip()?;
            self.end = file.place();
            Ok(())
        })
    }

    /// Comes to an entry, which begins where the one before it ends. The first has none before it,
    /// and no landmark.
    fn entry(&mut self, name: &'f str) -> Result<(), ParseError> {
        if self.end == 0 {
            self.name = name;
            return Ok(());
        }
        if name <= self.name {
            return Err(out_of_order());
        }
        self.name = name;
        if self.end.saturating_sub(self.last) >= self.spacing && name.len() <= MAX_NAME {
            self.last = self.end;
            self.marks.push(Landmark { at: self.end as u64, name: name.to_owned() });
        }
        Ok(())
    }
}

fn out_of_order() -> ParseError {
    ParseError::Other("its names are not in order".to_owned())
}

/// About as many landmarks as one file has at most.
const MARKS: usize = 64;
/// Bytes between landmarks at least.
const SPACING: usize = 32 * 1024;
/// Bytes of a name that makes a landmark.
const MAX_NAME: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    fn file(names: &[String], entry: &str) -> String {
        let entries: Vec<String> =
            names.iter().map(|name| format!("\"{name}\": {entry}")).collect();
        let entries = entries.join(" , ");
        format!(
            "{{\"signed\":{{\"_type\":\"Targets\", \"targets\" :{{ {entries}\n}},\"version\":7}},\"signatures\":[]}}"
        )
    }

    fn names(count: usize) -> Vec<String> {
        (0..count).map(|number| format!("v{number:05}")).collect()
    }

    /// The parts of a file put together, with how much that is.
    fn parts(file: &str, names: &[&str]) -> serde_json::Value {
        let landmarks = Landmarks::of(file.as_bytes()).expect("landmarks");
        let together = landmarks.excerpt(file.as_bytes(), names);
        assert!(together.len() < file.len() / 3, "{} of {}", together.len(), file.len());
        serde_json::from_slice(&together).expect("a document")
    }

    const ENTRY: &str =
        r#"{"hashes":{"sha256":"}],{\"targets\":{"},"length":527,"custom":{"v00007":{}}}"#;

    #[test]
    fn the_parts_are_a_file_with_all_that_is_said_of_a_name() {
        let all = names(9000);
        let file = file(&all, ENTRY);
        let whole: serde_json::Value = serde_json::from_str(&file).expect("a document");
        for name in all.iter().step_by(97).chain(all.last()).map(String::as_str) {
            let found = parts(&file, &[name]);
            assert_eq!(
                found["signed"]["targets"][name], whole["signed"]["targets"][name],
                "{name}"
            );
            assert!(found["signed"]["targets"][name].is_object(), "{name}");
            assert_eq!(found["signed"]["version"], 7);
        }
        let found = parts(&file, &["v08000", "v00000", "v04000", "v04001", "nothing"]);
        for name in ["v08000", "v00000", "v04000", "v04001"] {
            assert!(found["signed"]["targets"][name].is_object(), "{name}");
        }
    }

    #[test]
    fn a_name_that_the_file_does_not_have_is_in_no_part_of_it() {
        let file = file(&names(9000), ENTRY);
        for name in ["", "a", "v", "v04000x", "v99999", "w", "\u{10ffff}"] {
            assert!(parts(&file, &[name])["signed"]["targets"].get(name).is_none(), "{name}");
        }
    }

    #[test]
    fn a_file_has_landmarks_only_if_they_lead_somewhere() {
        let large = |names: &[String]| Landmarks::of(file(names, ENTRY).as_bytes());
        assert!(large(&names(9000)).is_some());
        assert!(large(&names(500)).is_none(), "a small one");
        let mut disordered = names(9000);
        disordered.swap(4, 5);
        assert!(large(&disordered).is_none(), "one that is not in order");
        let mut escaped = names(9000);
        escaped[17] = "v0001\\u0037".to_owned();
        assert!(large(&escaped).is_none(), "one with escapes");
        let torn = file(&names(9000), ENTRY);
        assert!(Landmarks::of(&torn.as_bytes()[..torn.len() / 2]).is_none(), "half a file");
    }

    #[test]
    fn a_large_file_has_a_bounded_number_of_them() {
        let landmarks = Landmarks::of(file(&names(99_000), ENTRY).as_bytes()).expect("landmarks");
        assert!((MARKS / 2..=MARKS).contains(&landmarks.marks().len()), "{landmarks:?}");
        let again = Landmarks::new(landmarks.marks().to_vec(), landmarks.end());
        assert_eq!(again, Some(landmarks));
    }

    #[test]
    fn landmarks_that_do_not_rise_are_none() {
        let mark = |at, name: &str| Landmark { at, name: name.to_owned() };
        assert!(Landmarks::new(vec![mark(3, "a"), mark(9, "b")], 12).is_some());
        for (marks, end) in [
            (vec![], 12),
            (vec![mark(3, "b"), mark(9, "a")], 12),
            (vec![mark(9, "a"), mark(3, "b")], 12),
            (vec![mark(3, "a"), mark(9, "b")], 9),
        ] {
            assert!(Landmarks::new(marks.clone(), end).is_none(), "{marks:?}");
        }
    }
}
