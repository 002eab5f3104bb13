//! Real modules, brought by the real `go mod download` through this environment's module proxy, judged here and compared
//! with what Go's package site says of them.
//!
//! `real_modules.txt` holds that judge's answers; the licences' texts are other people's and are not kept here.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use insight::licence::{LicenceText, UNKNOWN, is_licence_file, judge};

const TABLE: &str = include_str!("real_modules.txt");
/// Fewer than this and the comparison shows nothing.
const COMPARED_MIN: usize = 100;
/// Modules that one `go mod download` is asked for, so that one that is gone does not take the others with it.
const BATCH: usize = 40;

/// What the judge said of a module.
struct Row {
    module: &'static str,
    is_redistributable: bool,
    /// Whether the judge knows this very file by hand; by its rules it would be unknown, as it is here.
    is_exception: bool,
    /// Its licence files at the root, and their licences.
    files: BTreeMap<String, Vec<String>>,
}

fn rows() -> Vec<Row> {
    let lines = TABLE.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let mut words = line.split(' ');
            let module = words.next().unwrap();
            let word = words.next().unwrap();
            assert!(
                ["redistributable", "not", "exception"].contains(&word),
                "{line}"
            );
            let files = words.map(|word| {
                let (file, licences) = word.rsplit_once('=').unwrap();
                let licences = licences.split(',').map(str::to_owned).collect();
                (file.to_owned(), licences)
            });
            Row {
                module,
                is_redistributable: word == "redistributable",
                is_exception: word == "exception",
                files: files.collect(),
            }
        })
        .collect()
}

/// Says that something is left out, and why; a failure where nothing may be.
fn skip(what: &str, why: &str) {
    assert!(
        std::env::var_os("GRANARY_STRICT").is_none_or(|v| v.is_empty() || v == "0"),
        "{what} cannot be left out in strict mode: {why}"
    );
    say(&format!("skipped: {what}: {why}"));
}

fn say(line: &str) {
    // Not by a macro: those are caught by the test harness when the test passes.
    std::io::stderr()
        .write_all(format!("{line}\n").as_bytes())
        .unwrap();
}

/// The folders of those modules that can be had.
fn download(proxies: &str, cache: &Path, modules: &[&str]) -> BTreeMap<String, PathBuf> {
    let mut folders = BTreeMap::new();
    for batch in modules.chunks(BATCH) {
        let output = Command::new("go")
            .args(["mod", "download", "-json"])
            .args(batch)
            .current_dir(cache)
            .env("GOPROXY", proxies)
            .env("GOMODCACHE", cache.join("mod"))
            .env("GOFLAGS", "-modcacherw")
            .env("GO111MODULE", "on")
            .env("GOTOOLCHAIN", "local")
            // Only licences are read of them, and nothing is built.
            .env("GOSUMDB", "off")
            .output()
            .unwrap();
        let stream =
            serde_json::Deserializer::from_slice(&output.stdout).into_iter::<serde_json::Value>();
        for answer in stream {
            let answer = answer.unwrap();
            let text = |name: &str| answer[name].as_str().unwrap_or_default().to_owned();
            let module = format!("{}@{}", text("Path"), text("Version"));
            match answer["Dir"].as_str() {
                Some(folder) => {
                    folders.insert(module, PathBuf::from(folder));
                }
                None => say(&format!(
                    "skipped: {module}: {}",
                    text("Error").replace('\n', " ")
                )),
            }
        }
    }
    folders
}

/// The licence files in a module's root folder.
fn read_files(folder: &Path) -> Vec<LicenceText> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let path = entry.file_name().into_string().unwrap();
        if entry.file_type().unwrap().is_file() && is_licence_file(&path) {
            let text = std::fs::read(entry.path()).unwrap();
            files.push(LicenceText { path, text });
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}

/// How the verdict on a module differs from the judge's; a name for what the judge does not know is no difference.
fn compare(row: &Row, folder: &Path) -> Vec<String> {
    let verdict = judge(&read_files(folder));
    let mut differences = Vec::new();
    if verdict.redistributable != row.is_redistributable {
        differences.push(format!(
            "redistributable is {}: {}",
            verdict.redistributable, verdict.why
        ));
    }
    let names: Vec<&String> = verdict.files.iter().map(|file| &file.path).collect();
    if !names.iter().copied().eq(row.files.keys()) {
        differences.push(format!("files {names:?}"));
    }
    for file in &verdict.files {
        let want = row.files.get(&file.path);
        let is_named_now = want.is_some_and(|want| want == &[UNKNOWN]) && !verdict.redistributable;
        let is_unknown_here = row.is_exception && file.licences == [UNKNOWN];
        if want != Some(&file.licences) && !is_named_now && !is_unknown_here {
            differences.push(format!(
                "{}: {:?}, not {want:?}: {}",
                file.path, file.licences, file.why
            ));
        }
    }
    differences
}

#[test]
fn real_modules_are_judged_as_by_gos_package_site() {
    let what = "real modules' licences";
    let list = match Command::new("go").args(["env", "GOPROXY"]).output() {
        Ok(output) => String::from_utf8_lossy(&output.stdout).trim().to_owned(),
        Err(e) => return skip(what, &format!("go cannot be started: {e}")),
    };
    // Behind `direct` are hosts of strangers, which no test asks.
    let proxies = list
        .split([',', '|'])
        .take_while(|one| *one != "direct")
        .collect::<Vec<_>>()
        .join(",");
    if !proxies.starts_with("http") {
        return skip(what, "the environment names no module proxy");
    }
    let scratch = tempfile::tempdir().unwrap();
    std::fs::write(
        scratch.path().join("go.mod"),
        "module example.com/licences\n",
    )
    .unwrap();
    let rows = rows();
    let modules: Vec<&str> = rows.iter().map(|row| row.module).collect();
    let folders = download(&proxies, scratch.path(), &modules);
    if folders.len() < COMPARED_MIN {
        return skip(
            what,
            &format!(
                "only {} of {} modules can be had",
                folders.len(),
                rows.len()
            ),
        );
    }
    let mut differences = Vec::new();
    for row in &rows {
        if let Some(folder) = folders.get(row.module) {
            differences.extend(
                compare(row, folder)
                    .into_iter()
                    .map(|d| format!("{}: {d}", row.module)),
            );
        }
    }
    say(&format!(
        "compared the licences of {} real modules",
        folders.len()
    ));
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}
