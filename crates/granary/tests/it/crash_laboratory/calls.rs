//! Calls that change a folder, as the laboratory writes them down and as strace does.

use std::fmt;
use std::path::Path;

/// Every kind of call that is counted, as strace names it.
pub const KINDS: [&str; 16] = [
    "openat",
    "write",
    "writev",
    "pwrite64",
    "copy_file_range",
    "fsync",
    "fdatasync",
    "ftruncate",
    "fallocate",
    "unlink",
    "mkdir",
    "rename",
    "link",
    "chmod",
    "bind",
    "symlink",
];

/// One call.
#[derive(Clone, Debug)]
pub struct Call {
    /// From 1, over all threads.
    pub number: usize,
    pub name: String,
    /// Below the folder, without a slash before it; empty for the folder itself.
    pub path: String,
    /// Where it writes, or the length it cuts to.
    pub from: u64,
    pub bytes: u64,
    /// Whether this is the one that was made to fail.
    pub is_spoiled: bool,
    /// The other path of a link or rename.
    pub second: String,
}

impl Call {
    pub fn is_sync(&self) -> bool {
        self.name == "fsync" || self.name == "fdatasync"
    }

    /// The path with whatever differs from run to run left out.
    pub fn kind_of_file(&self) -> String {
        kind_of_file(&self.path)
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "call {}, {} of {}",
            self.number,
            self.name,
            self.kind_of_file()
        )
    }
}

/// Reads what the laboratory wrote down so far. A last line that is cut off is left out.
pub fn read_calls(log: &Path) -> Vec<Call> {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    text.lines().filter_map(parse).collect()
}

fn parse(line: &str) -> Option<Call> {
    let mut columns = line.split('\t');
    let number = columns.next()?.parse().ok()?;
    let name = columns.next()?.to_owned();
    let path = columns.next()?.trim_start_matches('/').to_owned();
    let from: i64 = columns.next()?.parse().ok()?;
    let bytes: i64 = columns.next()?.parse().ok()?;
    Some(Call {
        number,
        name,
        path,
        from: from.try_into().unwrap_or(0),
        bytes: bytes.try_into().unwrap_or(0),
        is_spoiled: columns.next()? == "spoiled",
        second: columns.next()?.trim_start_matches('/').to_owned(),
    })
}

fn kind_of_file(path: &str) -> String {
    let mut parts: Vec<String> = Vec::new();
    for part in path.split('/') {
        let is_hex = part.len() >= 2 && part.bytes().all(|b| b.is_ascii_hexdigit());
        parts.push(match part {
            _ if part.starts_with("staged-") => "staged".to_owned(),
            _ if is_hex && part.len() == 2 => "xx".to_owned(),
            _ if is_hex && part.len() > 30 => "hash".to_owned(),
            _ => part.to_owned(),
        });
    }
    parts.join("/")
}

/// The calls on a folder in a trace of `strace -f -y`, as (name, kind of file).
pub fn read_trace(trace: &str, folder: &Path) -> Vec<(String, String)> {
    let folder = folder.to_str().unwrap();
    trace
        .lines()
        .filter_map(|line| parse_traced(line, folder))
        .collect()
}

/// `<pid> name(arguments…`; a call that was interrupted in the trace has its arguments in its first line.
fn parse_traced(line: &str, folder: &str) -> Option<(String, String)> {
    let (_, call) = line.split_once(' ')?;
    let (name, arguments) = call.trim_start().split_once('(')?;
    let name = match name {
        "linkat" | "link" => "link",
        "renameat2" | "renameat" | "rename" => "rename",
        "unlinkat" | "unlink" | "rmdir" => "unlink",
        "mkdirat" | "mkdir" => "mkdir",
        "fchmod" | "fchmodat" | "chmod" => "chmod",
        "open" | "openat" | "creat" => "openat",
        "pwritev" | "pwritev2" => "writev",
        "symlink" | "symlinkat" => "symlink",
        other => other,
    };
    if name == "openat" && !arguments.contains("O_CREAT") && !arguments.contains("O_TRUNC") {
        return None;
    }
    // The path that is changed: that of the descriptor, or the last one in quotes.
    let path = match name {
        "write" | "writev" | "pwrite64" | "fsync" | "fdatasync" | "ftruncate" | "fallocate" => {
            let (_, rest) = arguments.split_once('<')?;
            rest.split_once('>')?.0
        }
        "bind" => arguments.split_once("sun_path=\"")?.1.split_once('"')?.0,
        _ => arguments.rsplit('"').nth(1)?,
    };
    let below = path.strip_prefix(folder)?;
    if !below.is_empty() && !below.starts_with('/') {
        return None;
    }
    Some((name.to_owned(), kind_of_file(below.trim_start_matches('/'))))
}

#[test]
fn calls_are_read_as_they_are_written() {
    let call = parse("7\tlink\t/store/blob/sha256/ab/cd\t0\t0\tspoiled\t/store/incoming/staged-1")
        .unwrap();
    assert_eq!(call.number, 7);
    assert!(call.is_spoiled && !call.is_sync());
    assert_eq!(call.second, "store/incoming/staged-1");
    let traced = |line| parse_traced(line, "/d");
    let want = |name: &str, file: &str| Some((name.to_owned(), file.to_owned()));
    assert_eq!(
        traced("12 fdatasync(7</d/catalog.db-wal>) = 0"),
        want("fdatasync", "catalog.db-wal")
    );
    assert_eq!(
        traced(
            "12 linkat(AT_FDCWD</x>, \"/d/store/incoming/staged-12\", AT_FDCWD</x>, \"/d/store/blob/sha256/ab/0\", 0) = 0"
        ),
        want("link", "store/blob/sha256/xx/0")
    );
    assert_eq!(traced("12 fsync(7</data/elsewhere>) = 0"), None);
    assert_eq!(traced("12 <... fsync resumed>) = 0"), None);
}
