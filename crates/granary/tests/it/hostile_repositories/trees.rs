//! Repositories whose trees, names, contents and attributes mean harm.

use super::*;

const MADE: &[u16] = &[200];
const REFUSED: &[u16] = &[404, 502];
/// What takes a busy machine longer than the client waits is told so.
const LABORIOUS: &[u16] = &[404, 502, 503];

type Named<'a> = (&'static str, &'a [u8], ObjectId);

/// A repository of one commit, beside whose go.mod `make` puts entries; `v1.0.0` names it.
fn site(
    name: &str,
    make: impl FnOnce(&mut Pack) -> Vec<(&'static str, Vec<u8>, ObjectId)>,
) -> Site {
    let mut pack = Pack::new();
    let go_mod = pack.blob(format!("module github.com/h/{name}\n").as_bytes());
    let mut entries = make(&mut pack);
    if !entries.iter().any(|(_, name, _)| name == b"go.mod") {
        entries.push((FILE, b"go.mod".to_vec(), go_mod));
    }
    let entries: Vec<Named<'_>> = entries
        .iter()
        .map(|(mode, name, id)| (*mode, &name[..], *id))
        .collect();
    let commit = pack.commit_of(&entries);
    Site::of(commit, &[("v1.0.0", commit)], &pack.finish())
}

/// One file of this name, somewhere.
fn named(case: &str, statuses: &'static [u16], says: &'static str, file: &[u8]) -> Case {
    let site = site(case, |pack| vec![(FILE, file.to_vec(), pack.blob(b"x"))]);
    Case::new(case, statuses, says, site)
}

fn names() -> Vec<Case> {
    let refused_by_git = [
        ("ngit", ".git"),
        ("nupper", ".GIT"),
        ("nshort", "git~1"),
        ("ndots", ".."),
        ("ndot", "."),
        ("nbackgit", "a\\..\\.git\\config"),
        ("nblank", ".git "),
        ("nstream", ".git:x"),
    ];
    let mut cases: Vec<Case> = refused_by_git
        .iter()
        .map(|(case, file)| named(case, REFUSED, "git refuses", file.as_bytes()))
        .collect();
    cases.extend([
        named("nslash", REFUSED, "", b"a/../../x"),
        named("nback", REFUSED, "", b"a\\b"),
        named("nline", REFUSED, "", b"a\nb"),
        named("nutf", REFUSED, "", b"a\xffb"),
        named("ncon", REFUSED, "", b"con.txt"),
        named("naux", REFUSED, "", b"AUX"),
        named("ndotend", REFUSED, "", b"a."),
        named("ncolon", REFUSED, "", b"a:b"),
        named("nbidi", REFUSED, "", "a\u{202e}b".as_bytes()),
        named("nlong", MADE, "", &[b'a'; 4000]),
        named("nmodcase", REFUSED, "", b"go.MOD"),
        Case::new("ntwins", REFUSED, "", site("ntwins", |pack| {
            let blob = pack.blob(b"x");
            vec![(FILE, b"A.go".to_vec(), blob), (FILE, b"a.go".to_vec(), blob)]
        })),
        Case::new("ntwice", REFUSED, "", site("ntwice", |pack| {
            let blob = pack.blob(b"x");
            vec![(FILE, b"a.go".to_vec(), blob), (FILE, b"a.go".to_vec(), blob)]
        })),
        Case::new("nboth", REFUSED, "", site("nboth", |pack| {
            let blob = pack.blob(b"x");
            let tree = pack.tree(&[(FILE, b"b", blob)]);
            vec![(FILE, b"a".to_vec(), blob), (FOLDER, b"a".to_vec(), tree)]
        })),
        Case::new("nlink", MADE, "", site("nlink", |pack| {
            let target = pack.blob(b"/etc/passwd");
            vec![(LINK, b"passwd".to_vec(), target)]
        })),
        Case::new("nlinkmod", REFUSED, "", site("nlinkmod", |pack| {
            let target = pack.blob(b"/etc/passwd");
            vec![(LINK, b"go.mod".to_vec(), target)]
        })),
        Case::new("nlinkgit", REFUSED, "git refuses", site("nlinkgit", |pack| {
            let target = pack.blob(b"x");
            vec![(LINK, b".gitmodules".to_vec(), target)]
        })),
        Case::new("nsub", MADE, "", site("nsub", |pack| {
            let modules = pack.blob(b"[submodule \"-x\"]\n\tpath = sub\n\turl = ext::sh -c touch%20/tmp/canary\n\tupdate = !touch /tmp/canary\n");
            vec![(FILE, b".gitmodules".to_vec(), modules), (SUBMODULE, b"sub".to_vec(), "7".repeat(40).parse().unwrap())]
        })),
        Case::new("nlfs", MADE, "", site("nlfs", |pack| {
            let attributes = pack.blob(b"*.bin filter=lfs diff=lfs merge=lfs -text\n* filter=evil merge=evil\n");
            let pointer = pack.blob(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n");
            vec![(FILE, b".gitattributes".to_vec(), attributes), (FILE, b"a.bin".to_vec(), pointer)]
        })),
        Case::new("nlost", &[502], "does not give", site("nlost", |_| {
            vec![(FILE, b"lost.go".to_vec(), "7".repeat(40).parse().unwrap())]
        })),
        Case::new("nblobdir", REFUSED, "", site("nblobdir", |pack| {
            let blob = pack.blob(b"x");
            vec![(FOLDER, b"dir".to_vec(), blob)]
        })),
        Case::new("ntreefile", REFUSED, "", site("ntreefile", |pack| {
            let blob = pack.blob(b"x");
            let tree = pack.tree(&[(FILE, b"b", blob)]);
            vec![(FILE, b"file".to_vec(), tree)]
        })),
    ]);
    cases
}

/// Trees of many names.
fn shapes() -> Vec<Case> {
    let files = if is_soak() { 100_000 } else { 10_000 };
    vec![
        Case::new(
            "wide",
            MADE,
            "",
            site("wide", |pack| {
                let blob = pack.blob(b"package wide\n");
                (0..files)
                    .map(|at| (FILE, format!("f{at:06}.go").into_bytes(), blob))
                    .collect()
            }),
        ),
        Case::new(
            "deep",
            REFUSED,
            "directories inside each other",
            site("deep", |pack| nested(pack, 5000)),
        ),
        Case::new(
            "fairlydeep",
            MADE,
            "",
            site("fairlydeep", |pack| nested(pack, 4000)),
        ),
        multiplied("multiplied1"),
        multiplied("multiplied2"),
        multiplied("multiplied3"),
        multiplied("multiplied4"),
    ]
}

/// Directories `d` inside each other, a file in the last one.
fn nested(pack: &mut Pack, depth: usize) -> Vec<(&'static str, Vec<u8>, ObjectId)> {
    let blob = pack.blob(b"x");
    let mut tree = pack.tree(&[(FILE, b"x.go", blob)]);
    for _ in 0..depth {
        tree = pack.tree(&[(FOLDER, b"d", tree)]);
    }
    vec![(FOLDER, b"d".to_vec(), tree)]
}

/// Ten directories of ten directories, ten times over: 10,000,000,000 files out of ten small objects.
fn multiplied(name: &str) -> Case {
    let site = site(name, |pack| {
        let blob = pack.blob(name.as_bytes());
        let names: Vec<String> = (0..10).map(|at| format!("{at}")).collect();
        let mut entries: Vec<Named<'_>> = names
            .iter()
            .map(|name| (FILE, name.as_bytes(), blob))
            .collect();
        for _ in 0..9 {
            let tree = pack.tree(&entries);
            entries = names
                .iter()
                .map(|name| (FOLDER, name.as_bytes(), tree))
                .collect();
        }
        let tree = pack.tree(&entries);
        vec![(FOLDER, b"many".to_vec(), tree)]
    });
    Case::new(name, REFUSED, "more than", site)
}

/// Contents over the limits, and contents that grow.
fn contents() -> Vec<Case> {
    let mut cases = vec![
        Case::new(
            "cmod",
            REFUSED,
            "go.mod",
            site("cmod", |pack| {
                let go_mod = pack.blob(
                    &[
                        b"module github.com/h/cmod\n".as_slice(),
                        &vec![b'\n'; 17 << 20],
                    ]
                    .concat(),
                );
                vec![(FILE, b"go.mod".to_vec(), go_mod)]
            }),
        ),
        Case::new(
            "clicense",
            REFUSED,
            "LICENSE",
            site("clicense", |pack| {
                let license = pack.blob(&vec![b'x'; 17 << 20]);
                vec![(FILE, b"LICENSE".to_vec(), license)]
            }),
        ),
        Case::new(
            "ctotal",
            REFUSED,
            "",
            site("ctotal", |pack| {
                let blob = pack.blob(&vec![0; 16 << 20]);
                (0..32)
                    .map(|at| (FILE, format!("{at}.bin").into_bytes(), blob))
                    .collect()
            }),
        ),
        grown("cident", "* ident", b"$Id$\n", 12 << 20),
        grown(
            "cutf32",
            "* working-tree-encoding=UTF-32",
            b"text ",
            60 << 20,
        ),
        grown("ccrlf", "* eol=crlf", b"\n", 60 << 20),
        grown(
            "call",
            "* text ident eol=crlf working-tree-encoding=UTF-32",
            b"$Id$\n",
            12 << 20,
        ),
        Case::new(
            "cpatterns",
            LABORIOUS,
            "",
            site("cpatterns", |pack| {
                let text: String = (0..100_000)
                    .map(|at| format!("*a*b*{at}*c* eol=crlf\n"))
                    .collect();
                let attributes = pack.blob(text.as_bytes());
                let blob = pack.blob(b"x");
                let mut entries: Vec<_> = (0..if is_soak() { 1000 } else { 100 })
                    .map(|at| {
                        (
                            FILE,
                            format!("aaaaaaaaaaaaaaaaaaaaabbbbbbbbbbbbbb{at}").into_bytes(),
                            blob,
                        )
                    })
                    .collect();
                entries.push((FILE, b".gitattributes".to_vec(), attributes));
                entries
            }),
        ),
        Case::new(
            "cdelta",
            if is_soak() { LABORIOUS } else { MADE },
            "",
            large_base(),
        ),
    ];
    if is_soak() {
        cases.push(Case::new(
            "cfile",
            REFUSED,
            "",
            site("cfile", |pack| {
                let blob = pack.blob(&vec![0; 501 << 20]);
                vec![(FILE, b"large.bin".to_vec(), blob)]
            }),
        ));
    }
    cases
}

/// A content that attributes make many times as large.
fn grown(name: &str, attributes: &str, text: &[u8], size_bytes: usize) -> Case {
    let site = site(name, |pack| {
        let attributes = pack.blob(attributes.as_bytes());
        let blob = pack.blob(&text.repeat(size_bytes / text.len()));
        vec![
            (FILE, b".gitattributes".to_vec(), attributes),
            (FILE, b"grown.txt".to_vec(), blob),
        ]
    });
    Case::new(name, REFUSED, "", site)
}

/// Small files that are all deltas of one large object.
fn large_base() -> Site {
    let (base_bytes, files) = if is_soak() {
        (100 << 20, 2000)
    } else {
        (20 << 20, 20)
    };
    let mut pack = Pack::new();
    let base = pack.offset();
    pack.blob(&vec![b'\n'; base_bytes]);
    let go_mod = pack.blob(b"module github.com/h/cdelta\n");
    let mut entries = vec![(FILE, b"go.mod".to_vec(), go_mod)];
    for at in 1..files {
        pack.delta(base, &delta_that_copies(base_bytes, at, 1));
        let id = git::object::hash_object(
            git::object::ObjectKind::Blob,
            &vec![b'\n'; at],
            git::id::HashKind::Sha1,
        )
        .unwrap();
        entries.push((FILE, format!("f{at:04}.go").into_bytes(), id));
    }
    let entries: Vec<Named<'_>> = entries
        .iter()
        .map(|(mode, name, id)| (*mode, &name[..], *id))
        .collect();
    let commit = pack.commit_of(&entries);
    Site::of(commit, &[("v1.0.0", commit)], &pack.finish())
}

#[test]
fn trees_of_hostile_names_and_sizes_are_refused_with_the_reason() {
    let mut cases = names();
    cases.extend(shapes());
    let forge = Forge::start();
    check_all(&setup(&forge), &forge, &cases, 16, Duration::from_secs(20));
}

#[test]
fn contents_over_the_limits_are_refused_before_they_fill_the_memory() {
    let forge = Forge::start();
    check_all(
        &setup(&forge),
        &forge,
        &contents(),
        16,
        Duration::from_secs(30),
    );
}
