//! The two kinds of digest Granary keeps: `h1:` of a module's files ([`H1`]) and SHA-256 of plain bytes ([`ContentDigest`]).
//!
//! Reading archives is not done here: [`crate::zip::hash_zip`] and [`crate::zip::check`] read a zip and hash it with
//! what this file offers.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};

/// The `h1:` hash of a module zip or of a `go.mod` file, as `go.sum` and the checksum database carry it.
///
/// Its text is `h1:` and 44 characters of padded standard base64; any other spelling of the same bytes is refused, so
/// that two equal texts and two equal values are the same thing.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct H1([u8; 32]);

/// The text is no `h1:` hash.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an h1 hash: {text:?}")]
pub struct InvalidH1 {
    /// The beginning of what was read, at most 64 characters.
    pub text: String,
}

/// SHA-256 of a sequence of bytes; its text is 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ContentDigest([u8; 32]);

/// The text is no SHA-256 in lower-case hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a SHA-256 digest in lower-case hexadecimal: {text:?}")]
pub struct InvalidDigest {
    /// The beginning of what was read, at most 80 characters.
    pub text: String,
}

/// A set of files has no `h1:` hash.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HashError {
    /// A name holds a newline, which would make two different sets of files hash alike.
    #[error("file name {name:?} holds a newline and cannot be hashed")]
    NewlineInName {
        /// The name, with invalid UTF-8 replaced.
        name: String,
    },
}

/// Computes the hash of a `go.mod` file: the `h1:` hash over the single name `go.mod`, without any prefix.
///
/// The bytes are taken as they are; a module without a `go.mod` is hashed over the text made up for it.
///
/// Source: golang.org/x/mod, `sumdb/dirhash`, and the `/go.mod` lines of `go.sum`.
pub fn hash_go_mod(bytes: &[u8]) -> H1 {
    let mut lines = H1Lines::new();
    lines.add(b"go.mod", &Sha256::digest(bytes).into());
    lines.finish()
}

/// Computes the `h1:` hash of a set of files from their names and the SHA-256 of each, in any order.
///
/// Names are whole (`path@version/...` for a module zip) and are sorted by byte, neither by path element nor folded.
///
/// # Errors
/// [`HashError::NewlineInName`] if a name holds `\n`.
///
/// Source: golang.org/x/mod, `sumdb/dirhash`, `Hash1`.
pub fn hash_files(mut names_and_digests: Vec<(String, [u8; 32])>) -> Result<H1, HashError> {
    names_and_digests.sort_by(|a, b| a.0.as_bytes().cmp(b.0.as_bytes()));
    hash_sorted(
        names_and_digests
            .iter()
            .map(|(name, digest)| (name.as_bytes(), digest)),
    )
}

/// Computes the `h1:` hash of files that come sorted by name; names are bytes, since a foreign zip may hold any.
pub(crate) fn hash_sorted<'a>(
    files: impl Iterator<Item = (&'a [u8], &'a [u8; 32])>,
) -> Result<H1, HashError> {
    let mut lines = H1Lines::new();
    for (name, digest) in files {
        if name.contains(&b'\n') {
            return Err(HashError::NewlineInName {
                name: String::from_utf8_lossy(name).into_owned(),
            });
        }
        lines.add(name, digest);
    }
    Ok(lines.finish())
}

/// The text that an `h1:` hash is the SHA-256 of: one line `hex(sha256(file))`, two spaces, name, newline for each file.
struct H1Lines {
    text: Vec<u8>,
    hasher: Sha256,
}

/// Lines are gathered up to this many bytes, since the hash function is slow on many tiny pieces.
const LINES_BUFFER_BYTES: usize = 16 * 1024;

impl H1Lines {
    fn new() -> Self {
        Self {
            text: Vec::new(),
            hasher: Sha256::new(),
        }
    }

    fn add(&mut self, name: &[u8], digest: &[u8; 32]) {
        self.text.extend_from_slice(&to_hex(digest));
        self.text.extend_from_slice(b"  ");
        self.text.extend_from_slice(name);
        self.text.push(b'\n');
        if self.text.len() >= LINES_BUFFER_BYTES {
            self.hasher.update(&self.text);
            self.text.clear();
        }
    }

    fn finish(mut self) -> H1 {
        self.hasher.update(&self.text);
        H1(self.hasher.finalize().into())
    }
}

impl H1 {
    /// Makes a hash from the 32 bytes it stands for.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Gives the 32 bytes behind the text.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for H1 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("h1:")?;
        base64::display::Base64Display::new(&self.0, &STANDARD).fmt(f)
    }
}

impl fmt::Debug for H1 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for H1 {
    type Err = InvalidH1;

    fn from_str(text: &str) -> Result<Self, InvalidH1> {
        let invalid = || InvalidH1 {
            text: text.chars().take(64).collect(),
        };
        let encoded = text
            .strip_prefix("h1:")
            .filter(|encoded| encoded.len() == 44)
            .ok_or_else(invalid)?;
        let bytes = STANDARD.decode(encoded).map_err(|_| invalid())?;
        bytes.try_into().map(Self).map_err(|_| invalid())
    }
}

impl Serialize for H1 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for H1 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

impl ContentDigest {
    /// Computes the SHA-256 of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// Makes a digest from the 32 bytes a hash function gave.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Gives the 32 bytes of the digest.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for ContentDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hex = to_hex(&self.0);
        // Hexadecimal digits are ASCII: the conversion cannot fail, and an empty text would be seen at once.
        f.pad(std::str::from_utf8(&hex).unwrap_or_default())
    }
}

impl fmt::Debug for ContentDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for ContentDigest {
    type Err = InvalidDigest;

    fn from_str(text: &str) -> Result<Self, InvalidDigest> {
        let invalid = || InvalidDigest {
            text: text.chars().take(80).collect(),
        };
        let digits: &[u8; 64] = text.as_bytes().try_into().map_err(|_| invalid())?;
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.as_chunks::<2>().0) {
            let high = hex_value(pair[0]).ok_or_else(invalid)?;
            let low = hex_value(pair[1]).ok_or_else(invalid)?;
            *byte = high << 4 | low;
        }
        Ok(Self(bytes))
    }
}

impl Serialize for ContentDigest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ContentDigest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

/// Writes 32 bytes as 64 lower-case hexadecimal digits.
fn to_hex(bytes: &[u8; 32]) -> [u8; 64] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut hex = [0; 64];
    for (pair, byte) in hex.as_chunks_mut::<2>().0.iter_mut().zip(bytes) {
        *pair = [
            DIGITS[usize::from(byte >> 4)],
            DIGITS[usize::from(byte & 15)],
        ];
    }
    hex
}

/// Reads one lower-case hexadecimal digit; capitals are refused, so that a digest has one spelling only.
fn hex_value(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY_SHA256: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn go_mod_hash_is_that_of_go_sum() {
        // rsc.io/sampler v1.3.0 and the line of go.sum that every user of rsc.io/quote knows.
        let text = "module \"rsc.io/sampler\"\n\nrequire \"golang.org/x/text\" v0.0.0-20170915032832-14c0d48ead0c\n";
        assert_eq!(
            hash_go_mod(text.as_bytes()).to_string(),
            "h1:T1hPZKmBbMNahiBKFy5HrXp6adAjACjK9JXDnKaTXpA="
        );
    }

    #[test]
    fn files_are_sorted_by_byte() {
        let file = |name: &str, text: &str| {
            (
                name.to_owned(),
                *ContentDigest::of(text.as_bytes()).as_bytes(),
            )
        };
        let forward = hash_files(vec![
            file("m@v1/B", "1"),
            file("m@v1/a", "2"),
            file("m@v1/a-b", "3"),
            file("m@v1/a/b", "4"),
        ]);
        let backward = hash_files(vec![
            file("m@v1/a/b", "4"),
            file("m@v1/a-b", "3"),
            file("m@v1/a", "2"),
            file("m@v1/B", "1"),
        ]);
        assert_eq!(forward, backward);
        let lines: String = [("1", "B"), ("2", "a"), ("3", "a-b"), ("4", "a/b")]
            .map(|(text, name)| format!("{}  m@v1/{name}\n", ContentDigest::of(text.as_bytes())))
            .concat();
        assert_eq!(
            forward.unwrap().as_bytes(),
            ContentDigest::of(lines.as_bytes()).as_bytes()
        );
    }

    /// Files of a real module and the hash that the public checksum database has for it.
    #[track_caller]
    fn check_real(module: &str, files: &[(&str, &str)], want: &str) {
        let file = |(name, digest): &(&str, &str)| {
            let digest: ContentDigest = digest.parse().unwrap();
            (format!("{module}/{name}"), *digest.as_bytes())
        };
        assert_eq!(
            hash_files(files.iter().map(file).collect())
                .unwrap()
                .to_string(),
            want
        );
    }

    #[test]
    fn hashes_of_real_modules_are_those_of_the_checksum_database() {
        let license = "2d36597f7117c38b006835ae7f537487207d8ec407aa9d9980794b2030cbc067";
        check_real(
            "rsc.io/quote/v3@v3.1.0",
            &[
                (
                    "go.mod",
                    "b211d9f16b5542970f03a2e6249df45038304a37a1a0c41d6ebd1aeb1416a923",
                ),
                (
                    "go.sum",
                    "1052c49879b5e4a97e2eebae71fbe1bc95476735577cde94a144f9aeb59024bb",
                ),
                (
                    "quote.go",
                    "828fba4e8db5ed3386e4e5ed95e6142d44214a9afea975337f2b3dc68aee880a",
                ),
                ("LICENSE", license),
            ],
            "h1:9JKUTTIUgS6kzR9mK1YuGKv6Nl+DijDNIc0ghT58FaY=",
        );
        check_real(
            "rsc.io/quote@v1.5.2",
            &[
                ("LICENSE", license),
                (
                    "README.md",
                    "8c3f49ee83461901b5112c0633f99e7d053e2f5d05400334833af741f135c91f",
                ),
                (
                    "buggy/buggy_test.go",
                    "3c6c72d48433d96659a2ac56e7d744b3ea42d333b1875e27683c02b045435306",
                ),
                (
                    "go.mod",
                    "b167e79090d79e4b5738995c62a2186548fc33c919d6b4da1d36cc8c7c1e40c1",
                ),
                (
                    "quote.go",
                    "bacafde5f561ddeaf6884f760f10379d6af8dc44a6c22b378ce90925345c1a02",
                ),
                (
                    "quote_test.go",
                    "1f0a53a9a0bd7be5ac0e6e7a77cb1b691e17b5f1115c52a0341cb60620b3fbbb",
                ),
            ],
            "h1:w5fcysjrx7yqtD/aO+QwRjYZOKnaM9Uh2b40tElTs3Y=",
        );
    }

    #[test]
    fn no_files_hash_like_an_empty_text() {
        assert_eq!(
            hash_files(Vec::new()).unwrap().to_string(),
            "h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
        );
    }

    #[test]
    fn name_with_newline_is_refused() {
        let name = "m@v1/a\nb".to_owned();
        assert_eq!(
            hash_files(vec![(name.clone(), [0; 32])]),
            Err(HashError::NewlineInName { name })
        );
    }

    #[test]
    fn many_files_are_hashed_like_one_text() {
        let files: Vec<_> = (0..2000)
            .map(|n| (format!("m@v1/{n:05}"), [n as u8; 32]))
            .collect();
        let lines: String = files
            .iter()
            .map(|(name, digest)| format!("{}  {name}\n", ContentDigest(*digest)))
            .collect();
        assert_eq!(
            hash_files(files).unwrap().as_bytes(),
            ContentDigest::of(lines.as_bytes()).as_bytes()
        );
    }

    #[test]
    fn h1_has_one_spelling() {
        let text = "h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
        assert_eq!(text.parse::<H1>().unwrap().to_string(), text);
        for bad in [
            "",
            "h1:",
            "h2:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
            "H1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
            "h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU",
            "h1:47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU=",
            "h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFV=",
            "h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n",
            " h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
        ] {
            assert!(bad.parse::<H1>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn digest_has_one_spelling() {
        assert_eq!(ContentDigest::of(b"").to_string(), EMPTY_SHA256);
        assert_eq!(
            EMPTY_SHA256.parse::<ContentDigest>().unwrap(),
            ContentDigest::of(b"")
        );
        for bad in [
            "",
            &EMPTY_SHA256[1..],
            &EMPTY_SHA256.to_uppercase(),
            &format!("{EMPTY_SHA256}0"),
            &"g".repeat(64),
            &"é".repeat(32),
        ] {
            assert!(bad.parse::<ContentDigest>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn both_are_texts_in_json() {
        let h1 = hash_go_mod(b"");
        assert_eq!(serde_json::to_string(&h1).unwrap(), format!("\"{h1}\""));
        assert_eq!(
            serde_json::from_str::<H1>(&format!("\"{h1}\"")).unwrap(),
            h1
        );
        let digest = ContentDigest::of(b"x");
        assert_eq!(
            serde_json::to_string(&digest).unwrap(),
            format!("\"{digest}\"")
        );
        assert_eq!(
            serde_json::from_str::<ContentDigest>(&format!("\"{digest}\"")).unwrap(),
            digest
        );
        assert!(serde_json::from_str::<H1>("\"h1:\"").is_err());
        assert!(serde_json::from_str::<ContentDigest>("7").is_err());
    }
}
