//! A server among others: stopping in the middle, going on after a crash, its log, its address, its own upstreams.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

use crate::by_hand::{Process, run};
use crate::rig::address::free_address;
use crate::rig::database::Database;
use crate::rig::go::Go;
use crate::rig::granary::Setup;
use crate::rig::module::noise;
use crate::rig::upstream::Upstream;
use crate::rig::{raw, wait_until};

#[test]
fn a_slow_download_ends_well_after_sigterm() {
    let database = Database::new();
    let upstream = Upstream::start_with(&database);
    let made = upstream.publish(
        "example.com/slow",
        "v1.0.0",
        &[("x.txt", &noise(4, 24 << 20))],
    );
    let mut server = Setup::with(&upstream, &database)
        .set("drain", "100ms")
        .start();
    server.must_get(&made.file("zip"));
    let mut stream = TcpStream::connect(server.address).unwrap();
    let request = format!(
        "GET {} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        made.file("zip")
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut body = vec![0; 64 << 10];
    stream.read_exact(&mut body).unwrap();
    server.terminate();
    wait_until(Duration::from_secs(10), "no new connections", || {
        raw::get(server.address, "/livez").status == 0
    });
    // What the kernel holds for a socket is far less than what is left.
    std::thread::sleep(Duration::from_millis(300));
    stream.read_to_end(&mut body).unwrap();
    let head = body.windows(4).position(|w| w == b"\r\n\r\n").unwrap() + 4;
    assert!(
        body[head..] == made.zip[..],
        "{} of {} bytes came",
        body.len() - head,
        made.zip.len()
    );
    assert_eq!(
        server.wait(Duration::from_secs(20)).code(),
        Some(0),
        "{}",
        server.log()
    );
}

#[test]
fn captures_cut_short_by_kill_9_land_after_the_restart_without_being_asked_again() {
    let database = Database::new();
    let upstream = Upstream::start_with(&database);
    let made: Vec<_> = (0..6)
        .map(|i| {
            upstream.publish(
                &format!("example.com/cut{i}"),
                "v1.0.0",
                &[("x.txt", &noise(i, 5000))],
            )
        })
        .collect();
    upstream.set_delay(Duration::from_secs(30));
    let setup = Setup::with(&upstream, &database);
    let server = setup.start();
    for one in &made {
        let (address, path) = (server.address, one.file("info"));
        std::thread::spawn(move || raw::get(address, &path));
    }
    wait_until(Duration::from_secs(10), "all are asked for", || {
        made.iter()
            .all(|one| upstream.count(&one.file("info")) == 1)
    });
    // Durable rows are written behind, in batches of some milliseconds.
    std::thread::sleep(Duration::from_millis(200));
    let setup = server.kill();
    upstream.set_delay(Duration::ZERO);
    let server = setup.start();
    wait_until(Duration::from_secs(20), "all have landed", || {
        let metrics = server.get("/metrics").text();
        made.iter().all(|one| upstream.count(&one.file("zip")) == 1)
            && metrics.contains("versions 6")
    });
    wait_until(Duration::from_secs(20), "the zips too", || {
        server.log().matches("zip landed").count() == made.len()
    });
    upstream.stop();
    for one in &made {
        for extension in ["info", "mod", "zip"] {
            assert_eq!(server.must_get(&one.file(extension)), one.bytes(extension));
        }
    }
}

#[test]
fn the_log_is_json_where_nobody_watches_and_carries_the_id_of_the_request() {
    let database = Database::new();
    let upstream = Upstream::start_with(&database);
    let made = upstream.publish("example.com/logged", "v1.0.0", &[("x.go", "package x\n")]);
    let mut server = Setup::with(&upstream, &database)
        .set("drain", "50ms")
        .start();
    let absent = server.get("/example.com/absent/@v/v1.0.0.info");
    let captured = server.get(&made.file("info"));
    let ids: Vec<String> = [&absent, &captured]
        .iter()
        .map(|a| a.header("x-request-id").expect("no id").to_owned())
        .collect();
    assert_ne!(ids[0], ids[1]);
    server.terminate();
    server.wait(Duration::from_secs(20));
    let log = server.log();
    let lines: Vec<Value> = log
        .lines()
        .map(|l| serde_json::from_str(l).unwrap_or_else(|e| panic!("{e}: {l}")))
        .collect();
    assert!(
        lines
            .iter()
            .all(|l| l["level"].is_string() && l["timestamp"].is_string()),
        "{log}"
    );
    for id in &ids {
        assert!(
            lines.iter().any(|l| l["request_id"] == id.as_str()),
            "{id} is not in: {log}"
        );
    }
    assert!(lines.iter().any(|l| l["message"] == "stopped"), "{log}");
}

#[test]
fn an_id_is_believed_only_from_trusted_proxies() {
    let setup = Setup::new().set("trusted_proxies", "127.0.0.0/8");
    let ask = |server: &crate::rig::granary::Granary| {
        let answer = raw::get_with(
            server.address,
            "/example.com/m/@v/v1.0.0.info",
            &[("X-Request-Id", "mine-42")],
        );
        answer.header("x-request-id").unwrap_or_default().to_owned()
    };
    assert_eq!(ask(&setup.start()), "mine-42");
    assert_ne!(ask(&setup.unset("trusted_proxies").start()), "mine-42");
}

#[test]
fn a_public_address_may_have_a_path() {
    let database = Database::new();
    let upstream = Upstream::start_with(&database);
    upstream.publish("example.com/path", "v1.0.0", &[("x.go", "package x\n")]);
    let address = free_address();
    let url = format!("http://{address}/go/modules");
    let setup = Setup::with(&upstream, &database).set("public_url", &url);
    let server = setup.launch(address);
    wait_until(Duration::from_secs(30), "ready", || {
        raw::get(address, "/go/modules/readyz").status == 200
    });
    assert!(run(&setup, &["env"], 0).contains(&url));
    assert!(server.get("/go/modules/").text().contains(&url));
    let Some(go) = Go::find_at(&url, Some(&database)) else {
        return;
    };
    let project = go.project("p", &[("go.mod", "module example.com/p\n\ngo 1.21\n")]);
    go.must(&project, &["get", "example.com/path@latest"]);
    // Go asked the database through us, below the path too.
    assert!(
        server
            .get(&format!(
                "/go/modules/sumdb/{}/supported",
                crate::rig::database::NAME
            ))
            .status
            == 200
    );
}

/// With go set to use this server, the list that was last used holds.
#[test]
fn go_set_to_this_server_itself_leads_to_the_list_last_used() {
    let database = Database::new();
    let upstream = Upstream::start_with(&database);
    let [one, two] = ["one", "two"].map(|n| {
        upstream.publish(
            &format!("example.com/{n}"),
            "v1.0.0",
            &[("x.go", "package x\n")],
        )
    });
    let setup = Setup::with(&upstream, &database);
    drop(setup.start());
    let setup = setup.unset("upstream");
    let serve = |address: SocketAddr| setup.command(&["serve", "--listen", &address.to_string()]);
    let ready = |address: SocketAddr| {
        wait_until(Duration::from_secs(30), "ready", || {
            raw::get(address, "/readyz").status == 200
        })
    };

    let address = free_address();
    let mut command = serve(address);
    command.env("GOPROXY", format!("http://{address},direct"));
    let server = Process::start(&mut command, &setup.folder("l").join("environment"));
    ready(address);
    assert_eq!(
        raw::get(address, &one.file("zip")).body,
        one.zip,
        "{}",
        server.log()
    );
    server.kill();

    let address = free_address();
    let file = setup.folder("home/.config/go").join("env");
    std::fs::write(
        file,
        format!("GOPROXY=http://localhost:{}\n", address.port()),
    )
    .unwrap();
    let mut command = serve(address);
    command.env_remove("GOPROXY");
    let server = Process::start(&mut command, &setup.folder("l").join("file"));
    ready(address);
    assert_eq!(
        raw::get(address, &two.file("zip")).body,
        two.zip,
        "{}",
        server.log()
    );
    server.kill();
}

#[test]
fn a_server_takes_go_s_own_list() {
    let database = Database::new();
    let upstream = Upstream::start_with(&database);
    let made = upstream.publish("example.com/own", "v1.0.0", &[("x.go", "package x\n")]);
    let setup = Setup::with(&upstream, &database).unset("upstream");
    let address = free_address();
    let mut command = setup.command(&["serve", "--listen", &address.to_string()]);
    command.env("GOPROXY", format!("{},direct", upstream.url()));
    let server = Process::start(&mut command, &setup.folder("l").join("log"));
    wait_until(Duration::from_secs(30), "ready", || {
        raw::get(address, "/readyz").status == 200
    });
    assert_eq!(
        raw::get(address, &made.file("zip")).body,
        made.zip,
        "{}",
        server.log()
    );
    assert!(
        server.log().contains("direct"),
        "no warning about direct: {}",
        server.log()
    );
    server.kill();
}

#[test]
fn loopback_is_the_default() {
    let setup = Setup::new();
    let shown = run(&setup, &["config", "show"], 0);
    assert!(shown.contains("listen = \"127.0.0.1:3000\""), "{shown}");
    assert!(run(&setup, &["env"], 0).contains("http://127.0.0.1:3000"));
}
