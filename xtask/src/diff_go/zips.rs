//! What two module zips differ in: the first file, and the first byte of it.

use std::collections::BTreeMap;
use std::io::Read;

use anyhow::Context;

/// Bytes shown around the first one that differs.
const AROUND_BYTES: usize = 24;
const END_BYTES: usize = 22;
const RECORD_BYTES: usize = 46;

/// Says in what two zips differ first, in the order of their files' names.
///
/// # Errors
/// Where one of them is no zip.
pub fn describe_difference(ours: &[u8], theirs: &[u8]) -> anyhow::Result<String> {
    let (ours, theirs) = (read(ours)?, read(theirs)?);
    let names: std::collections::BTreeSet<&Vec<u8>> = ours.keys().chain(theirs.keys()).collect();
    for name in names {
        let shown = String::from_utf8_lossy(name);
        match (ours.get(name), theirs.get(name)) {
            (Some(a), Some(b)) if a == b => {}
            (Some(a), Some(b)) => return Ok(format!("{shown}: {}", describe_bytes(a, b))),
            (Some(a), None) => {
                return Ok(format!(
                    "{shown}: only in Granary's zip ({} bytes)",
                    a.len()
                ));
            }
            (_, b) => {
                let length = b.map_or(0, Vec::len);
                return Ok(format!("{shown}: only in go's zip ({length} bytes)"));
            }
        }
    }
    Ok("the same files with the same bytes".to_owned())
}

/// Says where two texts differ first, with what stands around it.
pub fn describe_bytes(ours: &[u8], theirs: &[u8]) -> String {
    let at = ours.iter().zip(theirs).take_while(|(a, b)| a == b).count();
    let around = |bytes: &[u8]| {
        let from = at.saturating_sub(AROUND_BYTES).min(bytes.len());
        let to = (at + AROUND_BYTES).min(bytes.len());
        bytes[from..to].escape_ascii().to_string()
    };
    format!(
        "byte {at} of {} (Granary) and {} (go): `{}` instead of `{}`",
        ours.len(),
        theirs.len(),
        around(ours),
        around(theirs)
    )
}

/// The contents of a zip by name. Only for the zips of the two sides, which hold a few small files.
fn read(zip: &[u8]) -> anyhow::Result<BTreeMap<Vec<u8>, Vec<u8>>> {
    let end = zip
        .windows(4)
        .rposition(|w| w == b"PK\x05\x06")
        .context("no end of a zip")?;
    let end = zip
        .get(end..end + END_BYTES)
        .context("the end of the zip is cut off")?;
    let (count, mut at) = (number(end, 10, 2)?, number(end, 16, 4)?);
    let mut files = BTreeMap::new();
    for _ in 0..count {
        let record = zip
            .get(at..at + RECORD_BYTES)
            .context("the directory is cut off")?;
        let (method, packed) = (number(record, 10, 2)?, number(record, 20, 4)?);
        let (name, extra, comment) = (
            number(record, 28, 2)?,
            number(record, 30, 2)?,
            number(record, 32, 2)?,
        );
        let local = number(record, 42, 4)?;
        let name_at = at + RECORD_BYTES;
        let name_bytes = zip
            .get(name_at..name_at + name)
            .context("a name is cut off")?;
        let data = local + 30 + number(zip, local + 26, 2)? + number(zip, local + 28, 2)?;
        let packed = zip.get(data..data + packed).context("a file is cut off")?;
        let mut content = Vec::new();
        match method {
            0 => content.extend_from_slice(packed),
            _ => _ = flate2::read::DeflateDecoder::new(packed).read_to_end(&mut content)?,
        }
        files.insert(name_bytes.to_vec(), content);
        at = name_at + name + extra + comment;
    }
    Ok(files)
}

fn number(bytes: &[u8], at: usize, length: usize) -> anyhow::Result<usize> {
    let part = bytes.get(at..at + length).context("the zip is cut off")?;
    Ok(part
        .iter()
        .rev()
        .fold(0, |sum, byte| sum << 8 | usize::from(*byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zip(files: &[(&str, &str)]) -> Vec<u8> {
        let mut tree = gomod::zip::MemoryTree::new();
        for (name, content) in files {
            tree.add(*name, *content);
        }
        let of = "example.com/m@v1.0.0".parse().unwrap();
        let mut out = Vec::new();
        gomod::zip::create(&mut out, &of, &mut tree, &gomod::zip::Limits::default()).unwrap();
        out
    }

    #[test]
    fn the_first_file_and_byte_that_differ_are_named() {
        let base = zip(&[("a", "one"), ("b", "two\nthree")]);
        let check = |other: &[(&str, &str)], want: &str| {
            assert_eq!(describe_difference(&base, &zip(other)).unwrap(), want);
        };
        check(
            &[("a", "one"), ("b", "two\r\nthree")],
            "example.com/m@v1.0.0/b: byte 3 of 9 (Granary) and 10 (go): `two\\nthree` instead of `two\\r\\nthree`",
        );
        check(
            &[("a", "one")],
            "example.com/m@v1.0.0/b: only in Granary's zip (9 bytes)",
        );
        check(
            &[("a", "one"), ("aa", ""), ("b", "two\nthree")],
            "example.com/m@v1.0.0/aa: only in go's zip (0 bytes)",
        );
        check(
            &[("a", "one"), ("b", "two\nthree")],
            "the same files with the same bytes",
        );
    }
}
