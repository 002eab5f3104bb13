//! Modules made on the fly: text in, the three files and their hashes out. The zip writer here is the tests' own, so
//! that a mistake in the product's cannot hide.

use gomod::hash::{ContentDigest, H1, hash_files, hash_go_mod};
use gomod::version::ModuleVersion;

/// A module version as an upstream has it.
#[derive(Clone, Debug)]
pub struct Made {
    pub of: ModuleVersion,
    pub info: Vec<u8>,
    pub go_mod: Vec<u8>,
    pub zip: Vec<u8>,
    /// Of the zip.
    pub h1: H1,
    /// Of the go.mod.
    pub go_mod_h1: H1,
}

/// When every made-up version was committed.
pub const TIME: &str = "2024-05-06T07:08:09Z";

/// Makes a version. Without a `go.mod` among the files it gets one that names the module.
pub fn make(path: &str, version: &str, files: &[(&str, &str)]) -> Made {
    let of = ModuleVersion::new(path.parse().unwrap(), version.parse().unwrap()).unwrap();
    let mut files: Vec<(String, Vec<u8>)> = files
        .iter()
        .map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec()))
        .collect();
    if !files.iter().any(|(name, _)| name == "go.mod") {
        files.push((
            "go.mod".to_owned(),
            format!("module {path}\n\ngo 1.21\n").into_bytes(),
        ));
    }
    let go_mod = files
        .iter()
        .find(|(name, _)| name == "go.mod")
        .unwrap()
        .1
        .clone();
    let entries: Vec<(String, Vec<u8>)> = files
        .into_iter()
        .map(|(name, bytes)| (format!("{of}/{name}"), bytes))
        .collect();
    let mut made = Made {
        info: format!("{{\"Version\":\"{version}\",\"Time\":\"{TIME}\"}}").into_bytes(),
        go_mod_h1: hash_go_mod(&go_mod),
        go_mod,
        zip: Vec::new(),
        h1: H1::from_bytes([0; 32]),
        of,
    };
    made.set_zip(&entries);
    made
}

/// A go.mod that requires others.
pub fn go_mod(path: &str, requires: &[(&str, &str)]) -> String {
    let mut text = format!("module {path}\n\ngo 1.21\n");
    for (path, version) in requires {
        text.push_str(&format!("\nrequire {path} {version}\n"));
    }
    text
}

/// Text that does not compress and is the same for the same seed.
pub fn noise(seed: u64, bytes: usize) -> String {
    let mut state = seed.wrapping_mul(2).wrapping_add(1);
    let mut text = String::with_capacity(bytes);
    while text.len() < bytes {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        text.push(char::from(b'a' + (state >> 59) as u8 % 26));
        if text.len() % 80 == 79 {
            text.push('\n');
        }
    }
    text
}

impl Made {
    /// Replaces the zip by one with these entries (full names) and takes over their hash.
    pub fn set_zip(&mut self, entries: &[(String, Vec<u8>)]) {
        let digests: Vec<(String, [u8; 32])> = entries
            .iter()
            .map(|(name, bytes)| (name.clone(), *ContentDigest::of(bytes).as_bytes()))
            .collect();
        self.h1 = hash_files(digests).unwrap();
        self.zip = zip_of(entries);
    }

    /// `/<escaped module>/@v/<escaped version>`, to which `.info`, `.mod` or `.zip` is added.
    pub fn base(&self) -> String {
        format!(
            "/{}/@v/{}",
            self.of.path().escaped(),
            self.of.version().escaped()
        )
    }

    /// The path of one file, e.g. `file("zip")`.
    pub fn file(&self, extension: &str) -> String {
        format!("{}.{extension}", self.base())
    }

    /// The bytes of one file.
    pub fn bytes(&self, extension: &str) -> &[u8] {
        match extension {
            "info" => &self.info,
            "mod" => &self.go_mod,
            _ => &self.zip,
        }
    }
}

/// A zip whose entries are stored as they are.
pub fn zip_of(entries: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut directory = Vec::new();
    for (name, bytes) in entries {
        let at = out.len() as u32;
        let mut fields = Vec::new();
        fields.extend(20u16.to_le_bytes()); // version needed
        fields.extend([0u8; 8]); // flags, method 0, time, date
        fields.extend(crc32fast::hash(bytes).to_le_bytes());
        fields.extend((bytes.len() as u32).to_le_bytes());
        fields.extend((bytes.len() as u32).to_le_bytes());
        fields.extend((name.len() as u16).to_le_bytes());
        fields.extend(0u16.to_le_bytes()); // extra
        out.extend(0x0403_4b50u32.to_le_bytes());
        out.extend(&fields);
        out.extend(name.as_bytes());
        out.extend(bytes);
        directory.extend(0x0201_4b50u32.to_le_bytes());
        directory.extend(20u16.to_le_bytes()); // made by
        directory.extend(&fields);
        directory.extend([0u8; 10]); // comment, disk, attributes
        directory.extend(at.to_le_bytes());
        directory.extend(name.as_bytes());
    }
    let directory_at = out.len() as u32;
    out.extend(&directory);
    out.extend(0x0605_4b50u32.to_le_bytes());
    out.extend([0u8; 4]); // disks
    out.extend((entries.len() as u16).to_le_bytes());
    out.extend((entries.len() as u16).to_le_bytes());
    out.extend((directory.len() as u32).to_le_bytes());
    out.extend(directory_at.to_le_bytes());
    out.extend(0u16.to_le_bytes());
    out
}
