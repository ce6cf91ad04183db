//! A sheet as text: lines that a person can type, each with a check of its own, and a QR code.

use std::fmt::Write as _;

use qrcodegen::{QrCode, QrCodeEcc};
use zeroize::Zeroizing;

use super::{CHECK_BYTES, Content, Piece, SECRET_BYTES, Sheet, refuse};
use crate::crypto::Sha256;
use crate::keys::Error;
use crate::tuf::KeyId;

impl Sheet {
    /// The text to print. `made` is the day, for people.
    ///
    /// # Errors
    ///
    /// [`Error::Sheet`] for a role or GUN that is too long to be noted.
    pub fn to_text(&self, made: &str) -> Result<Zeroizing<String>, Error> {
        let code = base32(&self.to_bytes()?);
        let mut text = Zeroizing::new(String::from("countersign recovery sheet\n\n"));
        let none = "-".to_owned();
        for (name, value) in [
            ("key", &self.id.to_string()),
            ("role", self.role.as_ref().unwrap_or(&none)),
            ("repository", self.gun.as_ref().unwrap_or(&none)),
            ("made", &made.to_owned()),
            ("kind", &self.describe()),
        ] {
            let value: String = value.chars().filter(|letter| !letter.is_control()).collect();
            let _ = writeln!(text, "  {name:<12}{value}");
        }
        text.push_str(ADVICE);
        let _ = writeln!(text, "{BEGIN}");
        for (number, line) in (1..).zip(code.as_bytes().chunks(LINE)) {
            let line = std::str::from_utf8(line).unwrap_or_default();
            let groups: Vec<&str> = groups(line).collect();
            let _ =
                writeln!(text, "{number:02}  {:<39}  {}", groups.join(" "), check(number, line));
        }
        let _ = writeln!(text, "{END}");
        // A key that is too long for one code is typed in.
        if let Ok(code) = QrCode::encode_text(&format!("{SCANNED}{}", *code), QrCodeEcc::Medium) {
            text.push('\n');
            draw(&code, &mut text);
        }
        Ok(text)
    }

    /// Reads a sheet that was typed in or scanned. Blanks and case do not matter, nor whether 0 was
    /// typed for O, 1 for I or 8 for B.
    ///
    /// # Errors
    ///
    /// [`Error::Sheet`], with the number of the first line that is wrong.
    pub fn parse(text: &str) -> Result<Sheet, Error> {
        let code = match text.split_once(SCANNED) {
            Some((_, rest)) => {
                let rest = rest.split_whitespace().next().unwrap_or_default();
                Zeroizing::new(rest.to_owned())
            }
            None => typed(text)?,
        };
        let bytes = unbase32(&code).ok_or_else(|| refuse("letters that no sheet has"))?;
        Sheet::from_bytes(&bytes)
    }

    fn to_bytes(&self) -> Result<Zeroizing<Vec<u8>>, Error> {
        let kind = if self.is_share() { SHARE } else { BACKUP };
        let mut bytes = Zeroizing::new(vec![VERSION, kind]);
        bytes.extend(self.id.as_bytes());
        for note in [&self.role, &self.gun] {
            let note = note.as_deref().unwrap_or_default();
            let length = u8::try_from(note.len()).map_err(|_| refuse("a name that is too long"))?;
            bytes.push(length);
            bytes.extend_from_slice(note.as_bytes());
        }
        match &self.content {
            Content::Backup(sealed) => bytes.extend_from_slice(sealed),
            Content::Share(piece) => {
                bytes.extend([piece.threshold, piece.total]);
                bytes.extend_from_slice(&piece.check);
                bytes.extend_from_slice(&piece.share);
                bytes.extend_from_slice(&piece.sealed);
            }
        }
        let whole = Sha256::of(&bytes);
        bytes.extend_from_slice(&whole.as_bytes()[..WHOLE_CHECK]);
        Ok(bytes)
    }

    fn from_bytes(bytes: &[u8]) -> Result<Sheet, Error> {
        let short = || refuse("a part of the sheet is missing");
        let end = bytes.len().checked_sub(WHOLE_CHECK).ok_or_else(short)?;
        let (body, whole) = bytes.split_at(end);
        if Sha256::of(body).as_bytes()[..WHOLE_CHECK] != *whole {
            return Err(refuse("a line is missing, or stands in another's place"));
        }
        let mut rest = body;
        let [version, kind] = *take::<2>(&mut rest).ok_or_else(short)?;
        if version != VERSION {
            return Err(refuse("made by a newer countersign"));
        }
        let id = KeyId::of(Sha256::from_bytes(*take::<32>(&mut rest).ok_or_else(short)?));
        let role = note(&mut rest).ok_or_else(short)?;
        let gun = note(&mut rest).ok_or_else(short)?;
        let content = match kind {
            BACKUP => Content::Backup(rest.to_vec()),
            SHARE => {
                let [threshold, total] = *take::<2>(&mut rest).ok_or_else(short)?;
                let check = *take::<CHECK_BYTES>(&mut rest).ok_or_else(short)?;
                let share = take::<{ SECRET_BYTES + 1 }>(&mut rest).ok_or_else(short)?;
                let share = Zeroizing::new(share.to_vec());
                let sealed = rest.to_vec();
                if threshold < 2 || total < threshold || share[0] == 0 {
                    return Err(refuse("a share that cannot be"));
                }
                Content::Share(Piece { threshold, total, check, share, sealed })
            }
            _ => return Err(refuse("neither a backup nor a share")),
        };
        Ok(Sheet { id, role, gun, content })
    }
}

/// The lines between the marks, or all that look like lines.
fn typed(text: &str) -> Result<Zeroizing<String>, Error> {
    let inside = text.split_once(BEGIN).map_or(text, |(_, rest)| rest);
    let inside = inside.split_once(END).map_or(inside, |(inside, _)| inside);
    let mut code = Zeroizing::new(String::new());
    let lines = inside.lines().filter(|line| !line.trim().is_empty());
    for (expected, line) in (1..).zip(lines) {
        let wrong = || refuse(format!("line {expected:02} is not as it was printed"));
        let line = Zeroizing::new(line.trim().to_ascii_uppercase());
        let (number, rest) = line.split_once(char::is_whitespace).ok_or_else(wrong)?;
        if number.parse() != Ok(expected) {
            return Err(refuse(format!("line {expected:02} is missing")));
        }
        let letters = Zeroizing::new(
            rest.chars().filter(|letter| !letter.is_whitespace()).map(meant).collect::<String>(),
        );
        let place =
            letters.len().checked_sub(2).filter(|_| letters.is_ascii()).ok_or_else(wrong)?;
        let (letters, given) = letters.split_at(place);
        if check(expected, letters) != given {
            return Err(wrong());
        }
        code.push_str(letters);
    }
    match code.is_empty() {
        true => Err(refuse("no recovery sheet")),
        false => Ok(code),
    }
}

/// What was meant by digits that the alphabet does not have.
fn meant(letter: char) -> char {
    match letter {
        '0' => 'O',
        '1' => 'I',
        '8' => 'B',
        other => other,
    }
}

/// Two letters that a mistyped line does not have, but once in a thousand.
fn check(number: u32, letters: &str) -> String {
    let hash = Sha256::of(format!("{number} {letters}").as_bytes());
    hash.as_bytes()[..2].iter().map(|byte| char::from(ALPHABET[usize::from(byte & 31)])).collect()
}

fn groups(line: &str) -> impl Iterator<Item = &str> {
    (0..line.len()).step_by(GROUP).map(|at| &line[at..line.len().min(at + GROUP)])
}

/// RFC 4648 §6, without padding.
fn base32(bytes: &[u8]) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::new());
    for chunk in bytes.chunks(5) {
        let mut five = [0; 8];
        five[3..3 + chunk.len()].copy_from_slice(chunk);
        let number = u64::from_be_bytes(five);
        for place in 0..(chunk.len() * 8).div_ceil(5) {
            let digit = (number >> (35 - 5 * place)) & 31;
            text.push(char::from(ALPHABET[usize::try_from(digit).unwrap_or_default()]));
        }
    }
    text
}

fn unbase32(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::new());
    for chunk in text.as_bytes().chunks(8) {
        let mut number = 0_u64;
        for place in 0..8 {
            let digit = match chunk.get(place) {
                Some(letter) => ALPHABET.iter().position(|known| known == letter)?,
                None => 0,
            };
            number = number << 5 | u64::try_from(digit).ok()?;
        }
        bytes.extend_from_slice(&number.to_be_bytes()[3..3 + chunk.len() * 5 / 8]);
    }
    Some(bytes)
}

/// Dark on light, two rows of modules in a line, with the margin that scanners want.
fn draw(code: &QrCode, text: &mut String) {
    let size = code.size();
    for y in (-MARGIN..size + MARGIN).step_by(2) {
        for x in -MARGIN..size + MARGIN {
            text.push(match (code.get_module(x, y), code.get_module(x, y + 1)) {
                (true, true) => '\u{2588}',
                (true, false) => '\u{2580}',
                (false, true) => '\u{2584}',
                (false, false) => ' ',
            });
        }
        text.push('\n');
    }
}

fn take<'b, const N: usize>(rest: &mut &'b [u8]) -> Option<&'b [u8; N]> {
    let (taken, left) = rest.split_first_chunk::<N>()?;
    *rest = left;
    Some(taken)
}

fn note(rest: &mut &[u8]) -> Option<Option<String>> {
    let [length] = *take::<1>(rest)?;
    let (text, left) = rest.split_at_checked(usize::from(length))?;
    *rest = left;
    let text = std::str::from_utf8(text).ok()?;
    Some(Some(text.to_owned()).filter(|text| !text.is_empty()))
}

const ADVICE: &str = "
Keep this sheet where a fire, a flood or a thief that takes the key does not take it too.
To bring the key back, type the numbered lines into a file, or scan the code into one:
  countersign key recover FILE...
To see that it works, without opening the key: countersign key drill FILE...

";
pub(super) const BEGIN: &str = "-----BEGIN COUNTERSIGN SHEET-----";
pub(super) const END: &str = "-----END COUNTERSIGN SHEET-----";
/// Before what a scanner reads.
pub(super) const SCANNED: &str = "COUNTERSIGN1:";
const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const VERSION: u8 = 1;
const BACKUP: u8 = 1;
const SHARE: u8 = 2;
const WHOLE_CHECK: usize = 4;
/// Letters.
const LINE: usize = 32;
const GROUP: usize = 4;
/// Modules.
const MARGIN: i32 = 4;
