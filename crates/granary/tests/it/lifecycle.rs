//! Start, stop, and the ways in which a start must fail.

use std::time::{Duration, Instant};

use crate::rig::address::free_address;
use crate::rig::database::Database;
use crate::rig::granary::Setup;
use crate::rig::module::noise;
use crate::rig::raw;
use crate::rig::upstream::Upstream;

#[test]
fn a_second_server_on_a_data_folder_is_refused_by_name() {
    let granary = Setup::new().start();
    let mut second = granary.setup.launch(free_address());
    let status = second.wait(Duration::from_secs(10));
    assert!(!status.success());
    let log = second.log();
    let folder = granary.setup.data().display().to_string();
    assert!(log.contains(&folder), "the folder is not named: {log}");
    assert!(
        log.contains(&granary.process_id().to_string()),
        "the holder is not named: {log}"
    );
    assert_eq!(granary.get("/readyz").status, 200, "the first one suffers");
}

#[test]
fn a_server_that_logs_little_serves_on_until_it_is_told_to_end() {
    for level in ["error", "warn"] {
        let mut granary = Setup::new().set("log.level", level).start();
        for _ in 0..20 {
            assert_eq!(granary.get("/livez").status, 200, "{}", granary.log());
            std::thread::sleep(Duration::from_millis(10));
        }
        assert!(granary.ended().is_none(), "{level}");
        granary.terminate();
        assert!(granary.wait(Duration::from_secs(30)).success());
    }
}

#[test]
fn sigterm_lets_what_is_under_way_end_and_exits_0() {
    let database = Database::new();
    let upstream = Upstream::start_with(&database);
    let made = upstream.publish(
        "example.com/drain",
        "v1.0.0",
        &[("d.txt", &noise(2, 500_000))],
    );
    upstream.set_delay(Duration::from_millis(700));
    let mut granary = Setup::with(&upstream, &database)
        .set("drain", "200ms")
        .start();
    let (path, address) = (made.file("info"), granary.address);
    let client = std::thread::spawn(move || raw::get(address, &path));
    std::thread::sleep(Duration::from_millis(200));
    granary.terminate();
    let answer = client.join().unwrap();
    assert_eq!(
        (answer.status, answer.body),
        (200, made.info.clone()),
        "{}",
        granary.log()
    );
    assert_eq!(
        granary.wait(Duration::from_secs(30)).code(),
        Some(0),
        "{}",
        granary.log()
    );
    assert_eq!(
        raw::get(granary.address, "/livez").status,
        0,
        "it still listens"
    );
}

#[test]
fn readiness_goes_before_the_listeners_do() {
    let mut granary = Setup::new().set("drain", "1500ms").start();
    granary.terminate();
    crate::rig::wait_until(Duration::from_secs(1), "unready", || {
        granary.get("/readyz").status == 503
    });
    assert_eq!(granary.get("/livez").status, 200);
    assert_eq!(granary.wait(Duration::from_secs(20)).code(), Some(0));
}

/// The server's own address among its upstreams: dropped at the start, with a warning.
#[test]
fn an_upstream_that_is_the_server_itself_is_dropped() {
    let database = Database::new();
    let address = free_address();
    let setup = Setup::new()
        .set("upstream", &format!("http://{address}"))
        .set("sumdb", &database.vkey());
    let granary = setup.launch(address);
    crate::rig::wait_until(Duration::from_secs(30), "it listens", || {
        granary.get("/livez").status == 200
    });
    let answer = granary.get("/example.com/loop/@v/v1.0.0.info");
    // What is left is go's own setting, which the rig has set to `off`.
    assert!(
        matches!(answer.status, 403 | 404),
        "{}: {}",
        answer.status,
        answer.text()
    );
    assert!(
        granary.log().contains("itself"),
        "no warning: {}",
        granary.log()
    );
}

/// An upstream behind whose address, unknown to the server, stands the server: only the mark that a request carries can
/// tell.
#[test]
fn a_way_back_to_the_server_through_another_address_is_noticed() {
    let address = free_address();
    let door = forward_to(address);
    let setup = Setup::new()
        .set("upstream", &format!("http://{door}"))
        .set("client_wait", "20s");
    let granary = setup.launch(address);
    crate::rig::wait_until(Duration::from_secs(30), "it listens", || {
        granary.get("/livez").status == 200
    });
    let begun = Instant::now();
    let answer = granary.get("/example.com/loop/@v/v1.0.0.info");
    assert!(
        matches!(answer.status, 404 | 508),
        "{}: {}",
        answer.status,
        answer.text()
    );
    assert!(
        begun.elapsed() < Duration::from_secs(10),
        "{:?}",
        begun.elapsed()
    );
    let log = granary.log().to_lowercase();
    assert!(
        log.contains("itself") || log.contains("loop"),
        "no warning: {log}"
    );
    assert_eq!(granary.get("/readyz").status, 200);
}

/// A door on loopback that leads to another address, byte for byte.
fn forward_to(address: std::net::SocketAddr) -> std::net::SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let door = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for outside in listener.incoming().flatten() {
            let Ok(inside) = std::net::TcpStream::connect(address) else {
                continue;
            };
            for (mut from, mut to) in [
                (outside.try_clone().unwrap(), inside.try_clone().unwrap()),
                (inside, outside),
            ] {
                std::thread::spawn(move || {
                    std::io::copy(&mut from, &mut to).ok();
                    to.shutdown(std::net::Shutdown::Both).ok();
                });
            }
        }
    });
    door
}

#[test]
fn configuration_that_makes_no_sense_is_refused_by_its_key() {
    for (key, value) in [
        ("listen", "nowhere"),
        ("profile", "secret"),
        ("sumdb_absent", "maybe"),
        ("capture.workers", "0"),
        ("list.fresh", "soon"),
        ("sumdb", "name+nokey"),
        ("upstream", "ftp://example.com"),
        ("database", "mysql://x"),
    ] {
        let setup = Setup::new().set(key, value);
        let output = setup
            .command(&["serve", "--set", "log.level=info"])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned()
            + &String::from_utf8_lossy(&output.stdout);
        assert!(!output.status.success(), "{key}={value} was taken");
        let variable = format!("GRANARY_{}", key.to_uppercase().replace('.', "_"));
        assert!(
            said.contains(key) || said.contains(&variable),
            "{key}={value}: the key is not named: {said}"
        );
    }
}

#[test]
fn a_foreign_folder_is_refused() {
    let setup = Setup::new();
    std::fs::create_dir_all(setup.data()).unwrap();
    std::fs::write(setup.data().join("thesis.txt"), "mine").unwrap();
    let output = setup.run(&["serve", "--listen", &free_address().to_string()]);
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("thesis.txt"));
}

#[test]
fn a_broken_catalog_is_said_at_the_start() {
    let database = Database::new();
    let upstream = Upstream::start_with(&database);
    let made = upstream.publish("example.com/rot", "v1.0.0", &[("r.go", "package rot\n")]);
    let granary = Setup::with(&upstream, &database).start();
    granary.must_get(&made.file("zip"));
    let setup = granary.kill();
    let catalog = setup.data().join("catalog.db");
    assert!(catalog.exists(), "no catalog at {}", catalog.display());
    std::fs::remove_file(setup.data().join("catalog.db-wal")).ok();
    std::fs::write(&catalog, vec![0x5a; 64 << 10]).unwrap();
    let mut broken = setup.launch(free_address());
    let status = broken.wait(Duration::from_secs(30));
    assert!(!status.success());
    assert!(broken.log().contains("catalog"), "{}", broken.log());
}

#[test]
fn rot_in_the_store_is_found_and_never_served() {
    let database = Database::new();
    let upstream = Upstream::start_with(&database);
    let made = upstream.publish(
        "example.com/rot",
        "v1.0.0",
        &[("r.txt", &noise(9, 100_000))],
    );
    let granary = Setup::with(&upstream, &database).start();
    for extension in ["info", "mod", "zip"] {
        granary.must_get(&made.file(extension));
    }
    assert!(granary.setup.run(&["verify"]).status.success());
    let setup = granary.kill();
    let blob =
        find_blob(&setup.data(), &made.zip).expect("the zip lies nowhere as a file of its own");
    let mut permissions = std::fs::metadata(&blob).unwrap().permissions();
    #[allow(clippy::permissions_set_readonly_false)]
    permissions.set_readonly(false);
    std::fs::set_permissions(&blob, permissions).unwrap();
    let mut bytes = made.zip.clone();
    bytes[1000] ^= 1;
    std::fs::write(&blob, &bytes).unwrap();
    let verified = setup.run(&["verify"]);
    assert_eq!(verified.status.code(), Some(1));
    let said = String::from_utf8_lossy(&verified.stdout).into_owned()
        + &String::from_utf8_lossy(&verified.stderr);
    assert!(said.contains("example.com/rot"), "{said}");
}

/// The file below a folder that holds exactly these bytes.
fn find_blob(folder: &std::path::Path, bytes: &[u8]) -> Option<std::path::PathBuf> {
    for entry in std::fs::read_dir(folder).ok()?.flatten() {
        let path = entry.path();
        if path.is_dir() {
            if let Some(found) = find_blob(&path, bytes) {
                return Some(found);
            }
        } else if entry
            .metadata()
            .is_ok_and(|m| m.len() == bytes.len() as u64)
            && std::fs::read(&path).is_ok_and(|b| b == bytes)
        {
            return Some(path);
        }
    }
    None
}
