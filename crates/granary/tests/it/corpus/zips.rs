//! Zips of an upstream that break the rules of module zips, or of zips. No checksum database is asked about these
//! modules, so that it is the rules that refuse them. (Escapes, twins, other modules and absolute names under the eyes of a
//! database: `upstream_lies`; beginnings, ends and floods: `hostile_upstreams`.)

use super::case::Case;
use super::stage::Stage;
use crate::rig::module::make;
use crate::rig::upstream::Lie;
use crate::rig::zip::{Entry, archive};

const REFUSED: &str = "404|502";

/// A zip for a module: of its prefix, `<module>@<version>/`.
type Build = Box<dyn Fn(&str) -> Vec<u8>>;

/// All cases; the upstream is told what to say.
pub fn cases(stage: &Stage) -> Vec<Case> {
    let all = names()
        .into_iter()
        .chain(passed_over())
        .chain(entries())
        .chain(sizes())
        .chain(ends());
    let case = |(at, (name, statuses, says, build)): (usize, (&str, &str, &str, Build))| {
        let module = format!("in.example/zip{at}");
        let made = make(&module, "v1.0.0", &[("m.go", "package m\n")]);
        let path = made.file("zip");
        stage.upstream.add(made);
        stage
            .upstream
            .lie(&path, Lie::Body(build(&format!("{module}@v1.0.0/"))));
        Case::get(&format!("zip: {name}"), &path, statuses, says).within(10)
    };
    all.enumerate().map(case).collect()
}

fn build(build: impl Fn(&str) -> Vec<u8> + 'static) -> Build {
    Box::new(build)
}

/// The go.mod and one entry more.
fn beside(change: impl Fn(&str) -> Entry + 'static) -> Build {
    Box::new(move |prefix| archive(&[go_mod(prefix), change(prefix)], |_| {}, b""))
}

fn go_mod(prefix: &str) -> Entry {
    let (module, _) = prefix.split_once('@').unwrap();
    Entry::stored(
        format!("{prefix}go.mod"),
        format!("module {module}\n").as_bytes(),
    )
}

fn named(name: &'static [u8]) -> Build {
    beside(move |prefix| Entry::stored([prefix.as_bytes(), name].concat(), b"package m\n"))
}

/// Names that no file of a module has.
fn names() -> Vec<(&'static str, &'static str, &'static str, Build)> {
    let refused = |name: &'static str, file: &'static [u8]| (name, REFUSED, "", named(file));
    let plain = |name: &'static str, file: &'static [u8]| {
        let build: Build = beside(move |_| Entry::stored(file, b"package m\n"));
        (name, REFUSED, "", build)
    };
    vec![
        refused("a way out", b"../../../../etc/cron.d/evil"),
        refused("a way out behind a folder", b"a/../../evil.go"),
        refused("one dot", b"./evil.go"),
        refused("a backslash", b"a\\evil.go"),
        refused("a way out with backslashes", b"..\\..\\evil.go"),
        refused("an empty element", b"a//evil.go"),
        refused("an absolute name inside", b"/etc/passwd"),
        refused("a drive", b"c:evil.go"),
        refused("a stream of Windows", b"a.go:evil"),
        refused("a NUL", b"a\0.go"),
        refused("a newline", b"a\n.go"),
        refused("a carriage return", b"a\r.go"),
        refused("an escape character", b"\x1b[2J.go"),
        refused("bytes that are no text", b"a\xff.go"),
        refused("a name of DOS", b"con"),
        refused("a name of DOS with an ending", b"AUX.go"),
        refused("a dot at the end", b"evil."),
        refused("a star", b"*.go"),
        refused("quotes", b"\"a\".go"),
        refused("a pipe", b"|id"),
        refused("twins by case", b"GO.MOD"),
        refused("twins by folding", b"go.mo\xe1\xb8\x8b/../go.mod"),
        refused("the go.mod again", b"go.mod"),
        refused("a file that is a folder too", b"go.mod/x.go"),
        refused("go.MOD", b"go.MOD"),
        refused("go.mod of another case below", b"sub/GO.mod"),
        refused("a nested go.mod", b"sub/go.mod"),
        refused("a folder", b"folder/"),
        (
            "vendored packages",
            "200|404|502",
            "",
            named(b"vendor/evil.example/x/x.go"),
        ),
        (
            "letters from right to left",
            "200|404|502",
            "",
            named("\u{202e}og.x".as_bytes()),
        ),
        ("a .git folder", "200|404|502", "", named(b".git/config")),
        (
            "a name of a short name",
            "200|404|502",
            "",
            named(b"git~1/config"),
        ),
        ("a thousand folders", "200|404|502", "", {
            beside(|prefix| {
                Entry::stored(format!("{prefix}{}x.go", "a/".repeat(1000)), b"package m\n")
            })
        }),
        ("a name of 65,000 bytes", "200|404|502", "", {
            beside(|prefix| {
                Entry::stored(format!("{prefix}{}.go", "a".repeat(65_000)), b"package m\n")
            })
        }),
        plain("no prefix", b"evil.go"),
        plain("an absolute name", b"/etc/cron.d/evil"),
        plain(
            "a prefix of another version",
            b"in.example/zip0@v1.0.1/evil.go",
        ),
        plain(
            "a prefix of another module",
            b"in.example/other@v1.0.0/evil.go",
        ),
        plain("an empty name", b""),
        plain("nothing but dots", b".."),
    ]
}

fn text(bytes: usize) -> Vec<u8> {
    b"package m // and so on\n".repeat(bytes / 23 + 1)
}

/// Entries with what nobody looks at: the go command reads them as plain files, and so does everyone here.
fn passed_over() -> Vec<(&'static str, &'static str, &'static str, Build)> {
    let odd = |name: &'static str, change: fn(&mut Entry)| {
        let build: Build = beside(move |prefix| {
            let mut entry = Entry::deflated(format!("{prefix}m.go"), &text(5000));
            change(&mut entry);
            entry
        });
        (name, "200", "", build)
    };
    vec![
        odd("a symbolic link", |entry| {
            entry.attributes = 0o120_777 << 16
        }),
        odd("a device", |entry| entry.attributes = 0o060_666 << 16),
        odd("a pipe of its own", |entry| {
            entry.attributes = 0o010_666 << 16
        }),
        odd("data that goes on", |entry| entry.data.extend([0; 100])),
        odd("bytes between the entries", |entry| {
            entry.behind = vec![b'x'; 100]
        }),
        odd("an extra field cut short", |entry| {
            entry.extra = vec![1, 0, 0xff, 0xff]
        }),
    ]
}

/// Entries whose fields contradict each other or the data.
fn entries() -> Vec<(&'static str, &'static str, &'static str, Build)> {
    let lying = |name: &'static str, lie: fn(&mut Entry)| {
        let build: Build = beside(move |prefix| {
            let mut entry = Entry::deflated(format!("{prefix}m.go"), &text(5000));
            lie(&mut entry);
            entry
        });
        (name, REFUSED, "", build)
    };
    vec![
        lying("encrypted", |entry| entry.flags = 1),
        lying("strongly encrypted", |entry| entry.flags = 0x41),
        lying("an encrypted directory", |entry| entry.flags = 1 << 13),
        lying("patched data", |entry| entry.flags = 1 << 5),
        lying("another name in front (CVE-2024-24789)", |entry| {
            entry.local_name = Some(b"evil@v1.0.0/evil.go".to_vec());
        }),
        lying("another method in front", |entry| {
            entry.local_method = Some(0)
        }),
        lying("another size in front", |entry| entry.local_size = Some(1)),
        lying("another checksum in front", |entry| {
            entry.local_crc = Some(1)
        }),
        lying("a wrong checksum", |entry| entry.crc ^= 1),
        lying("a size too small", |entry| entry.size -= 1),
        lying("a size too large", |entry| entry.size += 1),
        lying("a size of 4 GiB", |entry| entry.size = u32::MAX - 1),
        lying("a packed size of 4 GiB", |entry| {
            entry.compressed = Some(u32::MAX - 1)
        }),
        lying("a packed size of nothing", |entry| {
            entry.compressed = Some(0)
        }),
        lying("a method of nobody", |entry| entry.method = 99),
        lying("deflate64", |entry| entry.method = 9),
        lying("bzip2", |entry| entry.method = 12),
        lying("data that is no deflate", |entry| entry.data.fill(0xff)),
        lying("data that ends too early", |entry| entry.data.truncate(10)),
        lying("an entry at another's place", |entry| {
            entry.offset = Some(0)
        }),
        lying("an entry beyond the end", |entry| {
            entry.offset = Some(u32::MAX - 1)
        }),
        lying("an entry in the directory", |entry| {
            entry.offset = Some(300)
        }),
        lying("a descriptor of which nothing is there", |entry| {
            entry.flags = 8
        }),
        lying("a descriptor that lies", |entry| {
            (entry.flags, entry.behind) = (8, b"PK\x07\x08aaaabbbbcccc".to_vec());
        }),
        lying("zip64 without the field", |entry| entry.size = u32::MAX),
        lying("a zip64 field of 2^63", |entry| {
            entry.size = u32::MAX;
            entry.extra = [&[1, 0, 8, 0][..], &(1_u64 << 63).to_le_bytes()].concat();
        }),
    ]
}

/// Much.
fn sizes() -> Vec<(&'static str, &'static str, &'static str, Build)> {
    fn many(prefix: &str, count: usize, size: u32) -> Vec<u8> {
        let entry = |n| Entry {
            size,
            ..Entry::stored(format!("{prefix}{n}.go"), b"")
        };
        let entries: Vec<Entry> = [go_mod(prefix)]
            .into_iter()
            .chain((0..count).map(entry))
            .collect();
        archive(&entries, |_| {}, b"")
    }
    vec![
        ("a thousand to one", "200|404", "", {
            beside(|prefix| Entry::deflated(format!("{prefix}m.go"), &vec![b'\n'; 30 << 20]))
        }),
        (
            "a go.mod over the limit",
            REFUSED,
            "",
            build(|prefix| {
                let go_mod =
                    Entry::deflated(format!("{prefix}go.mod"), &vec![b'\n'; (16 << 20) + 1]);
                archive(&[go_mod], |_| {}, b"")
            }),
        ),
        ("a LICENSE over the limit", REFUSED, "", {
            beside(|prefix| {
                Entry::deflated(format!("{prefix}LICENSE"), &vec![b'\n'; (16 << 20) + 1])
            })
        }),
        ("sizes of 600 MiB declared", REFUSED, "", {
            beside(|prefix| Entry {
                size: 600 << 20,
                ..Entry::deflated(format!("{prefix}m.go"), &text(5000))
            })
        }),
        (
            "sizes of 600 MiB in all",
            REFUSED,
            "",
            build(|prefix| many(prefix, 600, 1 << 20)),
        ),
        (
            "60,000 entries that lie",
            REFUSED,
            "",
            build(|prefix| many(prefix, 60_000, 1)),
        ),
        (
            "30,000 entries at one place (CVE-2025-61728)",
            REFUSED,
            "",
            build(|prefix| {
                let entry = |n| Entry {
                    offset: Some(0),
                    ..Entry::stored(format!("{prefix}{}{n}.go", "a/".repeat(20)), b"")
                };
                let entries: Vec<Entry> = (0..30_000).map(entry).collect();
                archive(&entries, |_| {}, b"")
            }),
        ),
        ("a zip in a zip in a zip", "200|404", "", {
            beside(|prefix| {
                let mut zip = archive(&[Entry::stored("a", &[0; 1000])], |_| {}, b"");
                for _ in 0..40 {
                    zip = archive(&[Entry::deflated("a.zip", &zip)], |_| {}, b"");
                }
                Entry::stored(format!("{prefix}42.zip"), &zip)
            })
        }),
    ]
}

/// Ends of archives that lie, and what is around archives.
fn ends() -> Vec<(&'static str, &'static str, &'static str, Build)> {
    fn honest(prefix: &str) -> Vec<u8> {
        archive(&[go_mod(prefix)], |_| {}, b"")
    }
    let lying = |name: &'static str, lie: fn(&mut [u32; 4])| {
        let build = build(move |prefix| archive(&[go_mod(prefix)], lie, b""));
        (name, REFUSED, "", build)
    };
    let bytes = |name: &'static str, make: fn(Vec<u8>) -> Vec<u8>| {
        let build = build(move |prefix| make(honest(prefix)));
        (name, REFUSED, "", build)
    };
    vec![
        (
            "no entries",
            "200|404|502",
            "",
            build(|_| archive(&[], |_| {}, b"")),
        ),
        lying("more entries than there are", |end| {
            (end[0], end[1]) = (2, 2)
        }),
        lying("fewer entries than there are", |end| {
            (end[0], end[1]) = (0, 0)
        }),
        lying("65,535 entries, and no zip64", |end| {
            (end[0], end[1]) = (0xffff, 0xffff)
        }),
        lying("entries on another disk", |end| end[0] = 0),
        lying("a directory of 4 GiB", |end| end[2] = u32::MAX - 1),
        lying("a directory of nothing", |end| end[2] = 0),
        lying("a directory beyond the end", |end| end[3] = u32::MAX - 1),
        lying("a directory at the beginning", |end| end[3] = 0),
        bytes("a second end in the comment", |zip| {
            let length = zip.len();
            let end = zip[length - 22..].to_vec();
            let mut lying = zip;
            lying[length - 2] = end.len() as u8;
            [lying, end].concat()
        }),
        bytes("a comment that promises more", |mut zip| {
            let at = zip.len() - 2;
            zip[at] = 9;
            zip
        }),
        bytes("something behind it", |zip| {
            [zip, b"evil".to_vec()].concat()
        }),
        bytes("something in front of it", |zip| {
            [b"#!/bin/sh\n".to_vec(), zip].concat()
        }),
        bytes("two of them", |zip| [zip.clone(), zip].concat()),
        bytes("half of it", |zip| zip[..zip.len() / 2].to_vec()),
        bytes("all but a byte", |zip| zip[..zip.len() - 1].to_vec()),
        bytes("its end alone", |zip| zip[zip.len() - 22..].to_vec()),
        bytes("zeros", |zip| vec![0; zip.len()]),
        bytes("a tar", |_| [b"go.mod\0".as_slice(), &[0; 600]].concat()),
        bytes("a gzip", |_| {
            b"\x1f\x8b\x08\0\0\0\0\0\0\x03\x03\0\0\0\0\0\0\0\0\0".to_vec()
        }),
        bytes("end records only", |_| b"PK\x05\x06".repeat(20_000)),
    ]
}
