//! A zip writer that lies in every field it is told to. Without any lie it writes what an honest one would.

use gomod::zip::{Deflated, prepare};

/// One entry; what is `None` is told as it is.
#[derive(Clone, Debug, Default)]
pub struct Entry {
    pub name: Vec<u8>,
    pub local_name: Option<Vec<u8>>,
    pub data: Vec<u8>,
    pub method: u16,
    pub local_method: Option<u16>,
    pub flags: u16,
    pub crc: u32,
    pub local_crc: Option<u32>,
    pub size: u32,
    pub local_size: Option<u32>,
    pub compressed: Option<u32>,
    pub offset: Option<u32>,
    pub attributes: u32,
    pub extra: Vec<u8>,
    pub comment: Vec<u8>,
    /// Bytes behind the data, where a data descriptor would be.
    pub behind: Vec<u8>,
}

impl Entry {
    pub fn stored(name: impl Into<Vec<u8>>, content: &[u8]) -> Self {
        Self {
            name: name.into(),
            data: content.to_vec(),
            crc: crc32fast::hash(content),
            size: content.len() as u32,
            ..Self::default()
        }
    }

    pub fn deflated(name: impl Into<Vec<u8>>, content: &[u8]) -> Self {
        match prepare(content).deflated {
            Deflated::Stored(_) => Self::stored(name, content),
            Deflated::Stream(data) => Self {
                data: data.to_vec(),
                method: 8,
                ..Self::stored(name, content)
            },
        }
    }

    fn compressed(&self) -> u32 {
        self.compressed.unwrap_or(self.data.len() as u32)
    }

    fn put(&self, method: u16, crc: u32, size: u32, name: &[u8], out: &mut Vec<u8>) {
        for short in [20, self.flags, method, 0, 0] {
            out.extend(short.to_le_bytes());
        }
        for long in [crc, self.compressed(), size] {
            out.extend(long.to_le_bytes());
        }
        for short in [name.len() as u16, self.extra.len() as u16] {
            out.extend(short.to_le_bytes());
        }
    }
}

/// The archive, with what the end of it says changed by `lie`: numbers of entries, size and offset of the directory.
pub fn archive(entries: &[Entry], lie: impl FnOnce(&mut [u32; 4]), comment: &[u8]) -> Vec<u8> {
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for entry in entries {
        let offset = entry.offset.unwrap_or(out.len() as u32);
        let name = entry.local_name.as_ref().unwrap_or(&entry.name);
        let size = entry.local_size.unwrap_or(entry.size);
        out.extend(b"PK\x03\x04");
        let method = entry.local_method.unwrap_or(entry.method);
        entry.put(
            method,
            entry.local_crc.unwrap_or(entry.crc),
            size,
            name,
            &mut out,
        );
        for part in [name, &entry.extra, &entry.data, &entry.behind] {
            out.extend(part);
        }
        directory.extend(b"PK\x01\x02\x14\x03");
        entry.put(
            entry.method,
            entry.crc,
            entry.size,
            &entry.name,
            &mut directory,
        );
        directory.extend((entry.comment.len() as u16).to_le_bytes());
        directory.extend([0; 4]); // disk, attributes of a text
        directory.extend(entry.attributes.to_le_bytes());
        directory.extend(offset.to_le_bytes());
        for part in [&entry.name, &entry.extra, &entry.comment] {
            directory.extend(part);
        }
    }
    let count = entries.len() as u32;
    let mut end = [count, count, directory.len() as u32, out.len() as u32];
    lie(&mut end);
    out.extend(&directory);
    out.extend(b"PK\x05\x06\0\0\0\0");
    out.extend((end[0] as u16).to_le_bytes());
    out.extend((end[1] as u16).to_le_bytes());
    out.extend(end[2].to_le_bytes());
    out.extend(end[3].to_le_bytes());
    out.extend((comment.len() as u16).to_le_bytes());
    out.extend(comment);
    out
}
