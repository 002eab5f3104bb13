//! A zip writer for tests that can lie in every field. Without any lie it writes what an honest writer would.

use std::io::Write;

use crate::version::ModuleVersion;

/// The module that all tests are about.
pub fn module() -> ModuleVersion {
    ModuleVersion::new("example.com/m".parse().unwrap(), "v1.0.0".parse().unwrap()).unwrap()
}

/// Puts the prefix of [`module`] before a name.
pub fn inside(name: &str) -> String {
    format!("example.com/m@v1.0.0/{name}")
}

/// Form of the record behind the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Descriptor {
    None,
    /// Signature?, sizes of 8 bytes?
    Some {
        signed: bool,
        long: bool,
    },
}

/// One entry; what is `None` is told as it is.
#[derive(Clone, Debug)]
pub struct RawEntry {
    pub name: Vec<u8>,
    pub local_name: Option<Vec<u8>>,
    pub data: Vec<u8>,
    pub method: u16,
    pub local_method: Option<u16>,
    pub flags: u16,
    pub local_flags: Option<u16>,
    pub crc: u32,
    pub local_crc: Option<u32>,
    pub size: u64,
    pub local_size: Option<u64>,
    pub compressed: u64,
    pub local_compressed: Option<u64>,
    pub offset: Option<u64>,
    pub attributes: u32,
    pub descriptor: Descriptor,
    pub descriptor_crc: Option<u32>,
    /// Writes sizes (and the offset, in the directory) as zip64 extra fields.
    pub zip64: bool,
    /// Bytes between this entry and the next one.
    pub gap: Vec<u8>,
}

impl RawEntry {
    pub fn stored(name: &str, content: &[u8]) -> Self {
        Self {
            name: name.into(),
            local_name: None,
            data: content.to_vec(),
            method: 0,
            local_method: None,
            flags: 0,
            local_flags: None,
            crc: crc32fast::hash(content),
            local_crc: None,
            size: content.len() as u64,
            local_size: None,
            compressed: content.len() as u64,
            local_compressed: None,
            offset: None,
            attributes: 0,
            descriptor: Descriptor::None,
            descriptor_crc: None,
            zip64: false,
            gap: Vec::new(),
        }
    }

    pub fn deflated(name: &str, content: &[u8]) -> Self {
        let data = deflate(content);
        let compressed = data.len() as u64;
        Self {
            data,
            compressed,
            method: 8,
            ..Self::stored(name, content)
        }
    }

    /// Tells checksum and sizes behind the data only.
    pub fn with_descriptor(mut self, signed: bool, long: bool) -> Self {
        self.descriptor = Descriptor::Some { signed, long };
        self.flags |= 8;
        self.local_crc = Some(0);
        self.local_size = Some(0);
        self.local_compressed = Some(0);
        self
    }
}

/// A whole archive.
#[derive(Clone, Debug, Default)]
pub struct RawZip {
    pub entries: Vec<RawEntry>,
    pub comment: Vec<u8>,
    pub zip64: bool,
}

impl RawZip {
    pub fn new(entries: Vec<RawEntry>) -> Self {
        Self {
            entries,
            ..Self::default()
        }
    }

    pub fn build(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let mut directory = Vec::new();
        for entry in &self.entries {
            let offset = entry.offset.unwrap_or(out.len() as u64);
            put_local(&mut out, entry);
            put_record(&mut directory, entry, offset);
        }
        let (offset, size, count) = (
            out.len() as u64,
            directory.len() as u64,
            self.entries.len() as u64,
        );
        out.extend_from_slice(&directory);
        if self.zip64 {
            let end_offset = out.len() as u64;
            out.extend_from_slice(&0x0606_4b50_u32.to_le_bytes());
            out.extend_from_slice(&44_u64.to_le_bytes());
            out.extend_from_slice(&[45, 0, 45, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
            for value in [count, count, size, offset] {
                out.extend_from_slice(&value.to_le_bytes());
            }
            out.extend_from_slice(&0x0706_4b50_u32.to_le_bytes());
            out.extend_from_slice(&[0; 4]);
            out.extend_from_slice(&end_offset.to_le_bytes());
            out.extend_from_slice(&1_u32.to_le_bytes());
        }
        out.extend_from_slice(&0x0605_4b50_u32.to_le_bytes());
        out.extend_from_slice(&[0; 4]);
        let (short_count, short_size, short_offset) = if self.zip64 {
            (0xffff, u32::MAX, u32::MAX)
        } else {
            (count as u16, size as u32, offset as u32)
        };
        out.extend_from_slice(&short_count.to_le_bytes());
        out.extend_from_slice(&short_count.to_le_bytes());
        out.extend_from_slice(&short_size.to_le_bytes());
        out.extend_from_slice(&short_offset.to_le_bytes());
        out.extend_from_slice(&(self.comment.len() as u16).to_le_bytes());
        out.extend_from_slice(&self.comment);
        out
    }
}

pub fn deflate(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::new(6));
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn put_local(out: &mut Vec<u8>, entry: &RawEntry) {
    let name = entry.local_name.as_ref().unwrap_or(&entry.name);
    let size = entry.local_size.unwrap_or(entry.size);
    let compressed = entry.local_compressed.unwrap_or(entry.compressed);
    let mut extra = Vec::new();
    let (short_size, short_compressed) = shorten(entry.zip64, &mut extra, size, compressed);
    end_extra(&mut extra);
    out.extend_from_slice(&0x0403_4b50_u32.to_le_bytes());
    out.extend_from_slice(&20_u16.to_le_bytes());
    out.extend_from_slice(&entry.local_flags.unwrap_or(entry.flags).to_le_bytes());
    out.extend_from_slice(&entry.local_method.unwrap_or(entry.method).to_le_bytes());
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&entry.local_crc.unwrap_or(entry.crc).to_le_bytes());
    out.extend_from_slice(&short_compressed.to_le_bytes());
    out.extend_from_slice(&short_size.to_le_bytes());
    out.extend_from_slice(&(name.len() as u16).to_le_bytes());
    out.extend_from_slice(&(extra.len() as u16).to_le_bytes());
    out.extend_from_slice(name);
    out.extend_from_slice(&extra);
    out.extend_from_slice(&entry.data);
    if let Descriptor::Some { signed, long } = entry.descriptor {
        if signed {
            out.extend_from_slice(&0x0807_4b50_u32.to_le_bytes());
        }
        out.extend_from_slice(&entry.descriptor_crc.unwrap_or(entry.crc).to_le_bytes());
        for value in [entry.compressed, entry.size] {
            let bytes = value.to_le_bytes();
            out.extend_from_slice(&bytes[..if long { 8 } else { 4 }]);
        }
    }
    out.extend_from_slice(&entry.gap);
}

fn put_record(out: &mut Vec<u8>, entry: &RawEntry, offset: u64) {
    let mut extra = Vec::new();
    let (short_size, short_compressed) =
        shorten(entry.zip64, &mut extra, entry.size, entry.compressed);
    let short_offset = if entry.zip64 {
        extra.extend_from_slice(&offset.to_le_bytes());
        u32::MAX
    } else {
        offset as u32
    };
    end_extra(&mut extra);
    out.extend_from_slice(&0x0201_4b50_u32.to_le_bytes());
    out.extend_from_slice(&[20, 3, 20, 0]);
    out.extend_from_slice(&entry.flags.to_le_bytes());
    out.extend_from_slice(&entry.method.to_le_bytes());
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&entry.crc.to_le_bytes());
    out.extend_from_slice(&short_compressed.to_le_bytes());
    out.extend_from_slice(&short_size.to_le_bytes());
    out.extend_from_slice(&(entry.name.len() as u16).to_le_bytes());
    out.extend_from_slice(&(extra.len() as u16).to_le_bytes());
    out.extend_from_slice(&[0; 6]);
    out.extend_from_slice(&entry.attributes.to_le_bytes());
    out.extend_from_slice(&short_offset.to_le_bytes());
    out.extend_from_slice(&entry.name);
    out.extend_from_slice(&extra);
}

fn shorten(zip64: bool, extra: &mut Vec<u8>, size: u64, compressed: u64) -> (u32, u32) {
    if !zip64 {
        return (size as u32, compressed as u32);
    }
    // A field of another kind first, as the times of Unix are.
    extra.extend_from_slice(&[0x55, 0x54, 5, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0]);
    extra.extend_from_slice(&size.to_le_bytes());
    extra.extend_from_slice(&compressed.to_le_bytes());
    (u32::MAX, u32::MAX)
}

/// Sets the length of the zip64 field, the last one.
fn end_extra(extra: &mut [u8]) {
    if !extra.is_empty() {
        let length = (extra.len() - 13) as u16;
        extra[11..13].copy_from_slice(&length.to_le_bytes());
    }
}
