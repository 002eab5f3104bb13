//! Runs of a shell, good and bad.

use std::time::{Duration, Instant};

use super::*;

fn shell(script: &str) -> Vec<OsString> {
    vec!["-c".into(), script.into()]
}

fn order<'a>(program: &'a Path, folder: &'a Path, arguments: Vec<OsString>) -> Run<'a> {
    Run {
        program,
        arguments,
        folder,
        environment: vec![("PATH", "/usr/bin:/bin".into()), ("ONLY", "this".into())],
        within: Duration::from_secs(20),
        output_bytes: 1000,
        memory_bytes: 1 << 30,
        watched: Vec::new(),
        what: "repository x",
    }
}

fn run_script(script: &str, change: impl FnOnce(&mut Run<'_>)) -> Result<Ended, CodeError> {
    let folder = tempfile::tempdir().unwrap();
    let program = find_program("sh", OsStr::new("/bin:/usr/bin")).unwrap();
    let mut order = order(&program, folder.path(), shell(script));
    change(&mut order);
    run(&order)
}

#[test]
fn output_complaint_and_status_are_told() {
    let ended = run_script("echo out; echo no >&2; exit 3", |_| ()).unwrap();
    assert_eq!(
        (
            ended.is_success,
            ended.text().as_str(),
            ended.complaint.as_str()
        ),
        (false, "out\n", "no\n")
    );
    assert!(run_script("exit 0", |_| ()).unwrap().is_success);
    // Killed is no success.
    assert!(!run_script("kill -9 $$", |_| ()).unwrap().is_success);
}

#[test]
fn environment_is_ours_alone_and_nothing_can_be_asked() {
    let ended = run_script("env | cut -d= -f1 | sort; cat", |_| ()).unwrap();
    let text = ended.text();
    let names: Vec<_> = text
        .lines()
        // What the shell itself sets.
        .filter(|name| !matches!(*name, "PWD" | "OLDPWD" | "SHLVL" | "_"))
        .collect();
    assert_eq!(names, ["ONLY", "PATH"]);
}

#[test]
fn output_is_bounded_and_complaints_are_shortened() {
    let script = "head -c 1000 /dev/zero";
    assert_eq!(run_script(script, |_| ()).unwrap().output.len(), 1000);
    let error = run_script("head -c 1001 /dev/zero", |_| ()).unwrap_err();
    assert_eq!(error.class, UpstreamClass::Invalid);
    let error = run_script("while :; do echo x; done", |_| ()).unwrap_err();
    assert_eq!(error.class, UpstreamClass::Invalid);
    let ended = run_script("head -c 1000000 /dev/zero >&2; echo done", |_| ()).unwrap();
    assert_eq!(ended.complaint.len(), COMPLAINT_BYTES_MAX);
    assert_eq!(ended.text(), "done\n");
}

#[test]
fn deadline_ends_the_whole_group() {
    let folder = tempfile::tempdir().unwrap();
    let pid_file = folder.path().join("pid");
    let script = format!("sleep 600 & echo $! > {}; wait", pid_file.display());
    let begun = Instant::now();
    let error = run_script(&script, |run| run.within = Duration::from_millis(300)).unwrap_err();
    assert_eq!(error.class, UpstreamClass::TooSlow);
    assert!(begun.elapsed() < Duration::from_secs(10));
    let pid: i32 = fs::read_to_string(pid_file)
        .unwrap()
        .trim()
        .parse()
        .unwrap();
    let is_dead = || {
        // Gone, or waiting to be reaped by whoever inherits it.
        fs::read_to_string(format!("/proc/{pid}/stat")).map_or(true, |stat| stat.contains(") Z "))
    };
    let until = Instant::now() + Duration::from_secs(10);
    while !is_dead() {
        assert!(Instant::now() < until, "the grandchild still runs");
        std::thread::yield_now();
    }
}

#[test]
fn closed_output_does_not_outlive_the_deadline() {
    let script = "exec >/dev/null 2>&1; exec sleep 600";
    let error = run_script(script, |run| run.within = Duration::from_millis(300)).unwrap_err();
    assert_eq!(error.class, UpstreamClass::TooSlow);
}

#[test]
fn folders_are_bounded_in_bytes_and_files() {
    for (script, limit_bytes, limit_files, is_fine) in [
        ("head -c 1000 /dev/zero > f/x", 1000, 10, true),
        ("head -c 1001 /dev/zero > f/x", 1000, 10, false),
        (
            "while :; do echo 0123456789 >> f/x; done",
            100_000,
            10,
            false,
        ),
        ("touch f/1 f/2", 1000, 3, true),
        ("touch f/1 f/2 f/3", 1000, 3, false),
        ("ln -s / f/all", 1000, 3, true),
    ] {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("f")).unwrap();
        let result = run_script(script, |run| {
            run.arguments = shell(&format!("cd {}; {script}", folder.path().display()));
            run.watched.push(Watched {
                path: folder.path().join("f"),
                limit_bytes,
                limit_files,
            });
        });
        match result {
            Ok(_) => assert!(is_fine, "{script}"),
            Err(error) => {
                assert!(!is_fine, "{script}: {error}");
                assert_eq!(error.class, UpstreamClass::Invalid);
            }
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn memory_is_bounded() {
    // The limit is set right after the start, so that the program may ask for it a moment too early.
    let until = Instant::now() + Duration::from_secs(10);
    while run_script("ulimit -d", |_| ()).unwrap().text() != "1048576\n" {
        assert!(Instant::now() < until, "no limit was set");
    }
}

#[test]
fn programs_are_found_on_absolute_paths_only() {
    for (name, path, is_found) in [
        ("sh", "/nowhere:/bin", true),
        ("sh", "", false),
        ("sh", "bin:.", false),
        ("no-such-program", "/bin", false),
        ("passwd", "/etc", false),
    ] {
        let found = find_program(name, OsStr::new(path));
        assert_eq!(found.is_some(), is_found, "{name} in {path}");
    }
    let missing = Path::new("/nowhere/program");
    let error = run(&order(missing, Path::new("/"), vec![])).unwrap_err();
    assert_eq!(error.class, UpstreamClass::Unreachable);
}
