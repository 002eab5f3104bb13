//! The rules for module zips from elsewhere.

use super::super::testing::{RawEntry, RawZip, inside, module};
use super::super::{Limits, Measure, NameFault, ZipError, hash_zip_bytes};
use super::{check_both, check_both_within};
use crate::hash::{ContentDigest, hash_files};
use crate::path::Reason;

fn zip_of(names: &[&str]) -> Vec<u8> {
    RawZip::new(
        names
            .iter()
            .map(|name| RawEntry::stored(name, b"x"))
            .collect(),
    )
    .build()
}

/// The fault of a zip with files of these names below the prefix.
#[track_caller]
fn find_fault(names: &[&str]) -> NameFault {
    let names: Vec<String> = names.iter().map(|name| inside(name)).collect();
    match check_both(&zip_of(
        &names.iter().map(String::as_str).collect::<Vec<_>>(),
    )) {
        Err(ZipError::BadName { fault, .. }) => fault,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn check_passes(names: &[&str]) {
    let entries = names
        .iter()
        .map(|name| RawEntry::stored(&inside(name), if name.ends_with('/') { b"" } else { b"x" }));
    let checked = check_both(&RawZip::new(entries.collect()).build()).unwrap();
    assert_eq!(
        checked.files,
        names
            .iter()
            .filter(|name| !name.ends_with('/') && !name.is_empty())
            .count() as u64
    );
}

#[track_caller]
fn check_path_fault(name: &str, reason: Reason) {
    match find_fault(&[name]) {
        NameFault::Path(error) => assert_eq!(error.reason, reason, "{name:?}"),
        other => panic!("{name:?}: {other}"),
    }
}

#[test]
fn honest_zip_tells_its_contents() {
    let zip = RawZip::new(vec![
        RawEntry::deflated(&inside("main.go"), b"package main\n"),
        RawEntry::stored(&inside("go.mod"), b"module example.com/m\n"),
    ]);
    let checked = check_both(&zip.build()).unwrap();
    assert_eq!((checked.files, checked.unpacked_bytes), (2, 34));
    assert_eq!(
        checked.go_mod.as_deref(),
        Some(&b"module example.com/m\n"[..])
    );
    let digest = |text: &[u8]| *ContentDigest::of(text).as_bytes();
    let files = vec![
        (inside("main.go"), digest(b"package main\n")),
        (inside("go.mod"), digest(b"module example.com/m\n")),
    ];
    assert_eq!(checked.h1, hash_files(files).unwrap());
}

#[test]
fn zip_without_files_is_a_module() {
    let checked = check_both(&RawZip::default().build()).unwrap();
    assert_eq!((checked.files, checked.go_mod), (0, None));
    assert_eq!(
        checked.h1.to_string(),
        "h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
    );
}

#[test]
fn every_name_needs_the_prefix() {
    for name in [
        "a.go",
        "/example.com/m@v1.0.0/a.go",
        "example.com/m@v1.0.1/a.go",
        "example.com/M@v1.0.0/a.go",
        "example.com/m@v1.0.0",
        "example.com/m/a.go",
        "./example.com/m@v1.0.0/a.go",
        "",
    ] {
        let zip = zip_of(&["example.com/m@v1.0.0/go.mod", name]);
        match check_both(&zip) {
            Err(ZipError::BadName {
                fault: NameFault::Prefix(prefix),
                ..
            }) => assert_eq!(prefix, inside("")),
            other => panic!("{name:?}: {other:?}"),
        }
    }
}

#[test]
fn prefix_is_not_escaped() {
    let of: crate::version::ModuleVersion = "github.com/BurntSushi/toml@v1.0.0".parse().unwrap();
    let check = |name: &str| super::super::check_bytes(&zip_of(&[name]), &of, &Limits::default());
    assert!(check("github.com/BurntSushi/toml@v1.0.0/a.go").is_ok());
    assert!(check("github.com/!burnt!sushi/toml@v1.0.0/a.go").is_err());
    let of: crate::version::ModuleVersion = "example.com/m@v2.0.0+incompatible".parse().unwrap();
    let zip = zip_of(&["example.com/m@v2.0.0+incompatible/a.go"]);
    assert!(super::super::check_bytes(&zip, &of, &Limits::default()).is_ok());
}

#[test]
fn names_must_be_clean_and_relative() {
    check_path_fault("../a", Reason::DotsOnly("..".to_owned()));
    check_path_fault("a/../b", Reason::DotsOnly("..".to_owned()));
    check_path_fault("a/..", Reason::DotsOnly("..".to_owned()));
    check_path_fault("./a", Reason::DotsOnly(".".to_owned()));
    check_path_fault("...", Reason::DotsOnly("...".to_owned()));
    check_path_fault("a//b", Reason::DoubleSlash);
    check_path_fault("/a", Reason::EmptyElement);
    check_path_fault("//etc/passwd", Reason::DoubleSlash);
    check_path_fault("a//", Reason::TrailingSlash);
    check_path_fault("/", Reason::Empty);
    check_path_fault("a\\b", Reason::Char('\\'));
    check_path_fault("..\\a", Reason::Char('\\'));
    check_path_fault("C:/a", Reason::Char(':'));
    check_path_fault("a\0b", Reason::Char('\0'));
    check_path_fault("a\nb", Reason::Char('\n'));
}

#[test]
fn trap_t2_one_invalid_file_fails_the_module() {
    for c in [
        '"', '\'', '*', '<', '>', '?', '`', '|', ':', '\\', '\u{301}', '٣', '😀', '\u{2028}',
    ] {
        check_path_fault(&format!("docs/a{c}b.md"), Reason::Char(c));
    }
    check_path_fault("CON", Reason::WindowsName("CON".to_owned()));
    check_path_fault("x/aux.go", Reason::WindowsName("aux".to_owned()));
    check_path_fault("a./b", Reason::TrailingDot);
    check_passes(&[
        "-leading dash",
        ".hidden",
        "a~1",
        "!#$%&()+,-.=@[]^_{}~",
        "世界/é.go",
        "a b",
    ]);
}

#[test]
fn names_must_be_utf8() {
    let mut entry = RawEntry::stored("", b"x");
    entry.name = [inside("a").as_bytes(), b"\xff"].concat();
    let found = check_both(&RawZip::new(vec![entry]).build());
    assert!(
        matches!(
            found,
            Err(ZipError::BadName {
                fault: NameFault::NotUtf8,
                ..
            })
        ),
        "{found:?}"
    );
}

#[test]
fn case_twins_are_refused_on_every_level() {
    let collision = |with: &str| NameFault::CaseCollision(with.to_owned());
    assert_eq!(find_fault(&["README", "readme"]), collision("README"));
    assert_eq!(find_fault(&["a/x", "A/y"]), collision("a"));
    assert_eq!(find_fault(&["s/x", "ſ/y"]), collision("s"));
    assert_eq!(find_fault(&["LICENSE", "License"]), collision("LICENSE"));
}

#[test]
fn a_name_is_file_or_directory() {
    assert_eq!(find_fault(&["a", "a/b"]), NameFault::FileAndDirectory);
    assert_eq!(find_fault(&["a/b", "a"]), NameFault::FileAndDirectory);
    let zip = RawZip::new(vec![
        RawEntry::stored(&inside("a"), b""),
        RawEntry::stored(&inside("a/"), b""),
    ]);
    let found = check_both(&zip.build());
    assert!(
        matches!(
            found,
            Err(ZipError::BadName {
                fault: NameFault::FileAndDirectory,
                ..
            })
        ),
        "{found:?}"
    );
}

#[test]
fn go_mod_stands_at_the_root_in_lower_case() {
    assert_eq!(find_fault(&["a/go.mod"]), NameFault::NestedGoMod);
    assert_eq!(find_fault(&["a/b/Go.Mod"]), NameFault::NestedGoMod);
    assert_eq!(find_fault(&["GO.MOD"]), NameFault::GoModCase);
    assert_eq!(find_fault(&["go.Mod"]), NameFault::GoModCase);
    check_passes(&["go.mod", "a/go.modx", "xgo.mod"]);
    check_passes(&["a/go.mod/b", "go.mod/", "b/GO.MOD/"]); // directories of that name say nothing
}

#[test]
fn trap_t25_directory_entries_are_hashed() {
    let with = RawZip::new(vec![
        RawEntry::stored(&inside(""), b""),
        RawEntry::stored(&inside("a/"), b""),
        RawEntry::stored(&inside("a/b"), b"x"),
    ])
    .build();
    let without = RawZip::new(vec![RawEntry::stored(&inside("a/b"), b"x")]).build();
    let (with_h1, without_h1) = (
        check_both(&with).unwrap().h1,
        check_both(&without).unwrap().h1,
    );
    assert_ne!(with_h1, without_h1);
    let digest = |text: &[u8]| *ContentDigest::of(text).as_bytes();
    let lines = vec![
        (inside(""), digest(b"")),
        (inside("a/"), digest(b"")),
        (inside("a/b"), digest(b"x")),
    ];
    assert_eq!(with_h1, hash_files(lines).unwrap());
    assert_eq!(check_both(&with).unwrap().files, 1);
}

/// The go command looks at names only: it unpacks such an entry as a file that holds the target's name.
#[test]
fn file_modes_say_nothing() {
    let mut link = RawEntry::stored(&inside("link"), b"/etc/passwd");
    link.attributes = 0o120_777 << 16;
    let mut device = RawEntry::stored(&inside("device"), b"");
    device.attributes = 0o060_666 << 16;
    let mut directory = RawEntry::stored(&inside("directory"), b"x");
    directory.attributes = 0o040_755 << 16 | 0x10;
    assert_eq!(
        check_both(&RawZip::new(vec![link, device, directory]).build())
            .unwrap()
            .files,
        3
    );
}

#[track_caller]
fn check_limit(zip: &[u8], what: Measure, at: &Limits, over: &Limits) {
    check_both_within(zip, at).unwrap();
    match check_both_within(zip, over) {
        Err(ZipError::TooLarge { what: found, .. }) => assert_eq!(found, what),
        other => panic!("{what}: {other:?}"),
    }
}

#[test]
fn sizes_are_allowed_up_to_their_limits() {
    let plain = Limits::default();
    let go_mod = RawZip::new(vec![RawEntry::deflated(&inside("go.mod"), &[b' '; 1000])]).build();
    check_limit(
        &go_mod,
        Measure::GoMod,
        &Limits {
            go_mod_bytes: 1000,
            ..plain.clone()
        },
        &Limits {
            go_mod_bytes: 999,
            ..plain.clone()
        },
    );
    let license = RawZip::new(vec![RawEntry::deflated(&inside("LICENSE"), &[b' '; 1000])]).build();
    check_limit(
        &license,
        Measure::License,
        &Limits {
            license_bytes: 1000,
            ..plain.clone()
        },
        &Limits {
            license_bytes: 999,
            ..plain.clone()
        },
    );
    let tight = Limits {
        license_bytes: 1,
        go_mod_bytes: 1,
        ..plain.clone()
    };
    let names = ["a/LICENSE", "License", "LICENSE.md", "a/go.mod.txt"].map(inside);
    let others = names.iter().map(|name| RawEntry::stored(name, b"long"));
    check_both_within(&RawZip::new(others.collect()).build(), &tight).unwrap();
    let two = RawZip::new(vec![
        RawEntry::stored(&inside("a"), &[0; 600]),
        RawEntry::stored(&inside("b"), &[0; 400]),
    ])
    .build();
    check_limit(
        &two,
        Measure::Contents,
        &Limits {
            contents_bytes: 1000,
            ..plain.clone()
        },
        &Limits {
            contents_bytes: 999,
            ..plain.clone()
        },
    );
    let size = two.len() as u64;
    check_limit(
        &two,
        Measure::Zip,
        &Limits {
            zip_bytes: size,
            ..plain.clone()
        },
        &Limits {
            zip_bytes: size - 1,
            ..plain.clone()
        },
    );
    check_limit(
        &two,
        Measure::Entries,
        &Limits {
            entries: 2,
            ..plain.clone()
        },
        &Limits {
            entries: 1,
            ..plain.clone()
        },
    );
    let directory = 2 * (46 + inside("a").len() as u64);
    check_limit(
        &two,
        Measure::Directory,
        &Limits {
            directory_bytes: directory,
            ..plain.clone()
        },
        &Limits {
            directory_bytes: directory - 1,
            ..plain
        },
    );
}

#[test]
fn limits_are_those_of_go() {
    let limits = Limits::default();
    assert_eq!(
        (limits.zip_bytes, limits.contents_bytes),
        (524_288_000, 524_288_000)
    );
    assert_eq!(
        (limits.go_mod_bytes, limits.license_bytes),
        (16_777_216, 16_777_216)
    );
    let go_mod = |bytes: usize| {
        RawZip::new(vec![RawEntry::deflated(
            &inside("go.mod"),
            &vec![b'\n'; bytes],
        )])
        .build()
    };
    assert_eq!(
        check_both(&go_mod(16 << 20))
            .unwrap()
            .go_mod
            .map(|text| text.len()),
        Some(16 << 20)
    );
    assert!(matches!(
        check_both(&go_mod((16 << 20) + 1)),
        Err(ZipError::TooLarge {
            what: Measure::GoMod,
            ..
        })
    ));
}

#[test]
fn any_zip_can_be_hashed_without_rules() {
    let mut odd = RawEntry::stored("../odd\\name", b"1");
    odd.name.push(0xff);
    let zip = RawZip::new(vec![
        RawEntry::stored("b", b"2"),
        odd,
        RawEntry::stored("A", b"3"),
        RawEntry::stored("d/", b""),
    ]);
    let zip = zip.build();
    assert!(check_both(&zip).is_err());
    let line = |name: &[u8], text: &[u8]| {
        [
            ContentDigest::of(text).to_string().as_bytes(),
            b"  ",
            name,
            b"\n",
        ]
        .concat()
    };
    let lines = [
        line(b"../odd\\name\xff", b"1"),
        line(b"A", b"3"),
        line(b"b", b"2"),
        line(b"d/", b""),
    ]
    .concat();
    assert_eq!(
        hash_zip_bytes(&zip).unwrap().as_bytes(),
        ContentDigest::of(&lines).as_bytes()
    );
    let through_reader = super::super::hash_zip(&mut std::io::Cursor::new(&zip)).unwrap();
    assert_eq!(through_reader, hash_zip_bytes(&zip).unwrap());
    let newline = zip_of(&["a\nb"]);
    assert!(matches!(
        hash_zip_bytes(&newline),
        Err(ZipError::Unhashable(_))
    ));
}

#[test]
fn messages_name_the_file() {
    let error = check_both(&zip_of(&[&inside("a/go.mod")])).unwrap_err();
    assert_eq!(
        error.to_string(),
        "bad file \"example.com/m@v1.0.0/a/go.mod\" in module: go.mod file not in module root directory"
    );
    let of = module();
    let long = format!("{of}/{}", "a".repeat(5000));
    assert!(
        check_both(&zip_of(&[&long, &format!("{long}/b")]))
            .unwrap_err()
            .to_string()
            .len()
            < 1000
    );
}
