//! Everything around the one server: an upstream with a checksum database, further databases, the web behind an outgoing
//! proxy, git repositories, and an address that nobody may ever ask.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::databases::Databases;
use crate::rig::database::Database;
use crate::rig::forge::{Forge, Site};
use crate::rig::granary::{Granary, Setup};
use crate::rig::module::Made;
use crate::rig::pack::{FILE, Pack};
use crate::rig::upstream::Upstream;
use crate::rig::web::Web;

/// Stands for addresses of the public internet; any other on loopback is as private as ever.
const PUBLIC: &str = "127.77.0.0/16";

/// What the server sees in the place of DNS.
const HOSTS: &str = "127.0.0.1 proxy.test
127.77.0.1 pages.test
127.77.0.1 git.test
127.77.0.1 two.test
127.0.0.1 two.test
127.0.0.1 loopback.test
169.254.169.254 metadata.test
10.1.2.3 private.test
fe80::1 link.test
::1 six.test
";

/// All that is around the server.
pub struct Stage {
    pub upstream: Upstream,
    pub databases: Databases,
    pub web: Web,
    pub forge: Forge,
    /// Listens where nothing may lead, and counts who came.
    canary: SocketAddr,
    touched: Arc<AtomicUsize>,
    /// The public one of the two addresses of `two.test`, with the canary's port.
    pub twin: SocketAddr,
    honest: Made,
    setup: Setup,
}

impl Stage {
    pub fn new() -> Self {
        let database = Database::new();
        let upstream = Upstream::start_with(&database);
        let honest = upstream.publish(
            "example.com/honest",
            "v1.0.0",
            &[("h.go", "package honest\n")],
        );
        let (databases, web, forge) = (Databases::start(), Web::start(), Forge::start());
        let (canary, touched) = count_connections("127.0.0.1:0".parse().unwrap());
        let (twin, _) = count_connections(SocketAddr::new(
            "127.77.0.1".parse().unwrap(),
            canary.port(),
        ));
        forge.put(
            "h/honest",
            Self::repository("honest", b"module github.com/h/honest\n"),
        );
        let setup = Setup::with(&upstream, &database).watched(HOSTS);
        std::fs::write(setup.folder("home").join(".gitconfig"), forge.git_config()).unwrap();
        let proxy = format!("http://proxy.test:{}", web.address.port());
        let setup = setup
            .set("sumdb_also", &databases.settings().join(","))
            .set("gonoproxy", "github.com/h,pages.test,*.pages.test")
            .set("gonosumdb", "github.com/h,pages.test,in.example")
            .set("origin.insecure", "pages.test")
            .set("origin.allow", PUBLIC)
            .set("origin.timeout", "5s")
            .set("client_wait", "10s")
            .set("list.fresh", "1ms")
            .set("capture.zips", "asked")
            .variable("HTTP_PROXY", &proxy)
            .variable("HTTPS_PROXY", &proxy)
            .variable("NO_PROXY", "two.test");
        Self {
            upstream,
            databases,
            web,
            forge,
            canary,
            touched,
            twin,
            honest,
            setup,
        }
    }

    /// Whether the server sees the test's own table of hosts, and is watched.
    pub fn is_watched(&self) -> bool {
        self.setup.is_watched()
    }

    /// Where nothing may lead.
    pub fn canary(&self) -> SocketAddr {
        self.canary
    }

    /// The repository of `github.com/h/<name>` with that go.mod at `v1.0.0`.
    pub fn repository(name: &str, go_mod: &[u8]) -> Site {
        let mut pack = Pack::new();
        let go_mod = pack.blob(go_mod);
        let source = pack.blob(format!("package p // {name}\n").as_bytes());
        let commit = pack.commit_of(&[(FILE, b"go.mod", go_mod), (FILE, b"p.go", source)]);
        Site::of(commit, &[("v1.0.0", commit)], &pack.finish())
    }

    /// The one server.
    pub fn start(&self) -> Granary {
        self.setup.start()
    }

    /// What happened was counted and told.
    #[track_caller]
    fn judge_telling(&self, granary: &Granary) {
        let metrics = String::from_utf8(granary.must_get("/metrics")).unwrap();
        let log = granary.log();
        for (counter, line) in TOLD {
            let mut values = metrics
                .lines()
                .filter_map(|found| found.strip_prefix(counter)?.trim().parse::<u64>().ok());
            assert!(values.any(|value| value > 20), "{counter}: {metrics}");
            assert!(log.contains(line), "{line}");
        }
    }

    /// After all cases: everybody else is served, what is stored is whole, and nothing happened that must not.
    #[track_caller]
    pub fn judge(&self, granary: Granary) {
        for extension in ["info", "mod", "zip"] {
            let bytes = granary.must_get(&self.honest.file(extension));
            assert_eq!(bytes, self.honest.bytes(extension));
        }
        granary.must_get("/github.com/h/honest/@v/v1.0.0.zip");
        assert_eq!(
            self.touched.load(Ordering::SeqCst),
            0,
            "somebody was led to a private address"
        );
        for host in self.web.hosts() {
            let host = host
                .trim_start_matches("CONNECT ")
                .split(':')
                .next()
                .unwrap()
                .to_owned();
            assert!(
                ["pages.test", "git.test"].contains(&host.as_str()),
                "{host} was asked for"
            );
        }
        self.judge_telling(&granary);
        let servers = [
            self.upstream.address(),
            self.databases.address,
            self.web.address,
            self.forge.address,
        ];
        let to: Vec<SocketAddr> = servers.into_iter().chain([self.twin]).collect();
        let setup = granary.setup.clone();
        if let Some(seen) = granary.kill_and_judge(&to, &[]) {
            assert!(
                seen.connections > 100 && seen.names > 100,
                "the watch was blind: {seen:?}"
            );
            eprintln!(
                "watched: {} connections, {} names made or removed",
                seen.connections, seen.names
            );
        }
        let verified = setup.run(&["verify"]);
        assert!(
            verified.status.success(),
            "{}",
            String::from_utf8_lossy(&verified.stdout)
        );
    }
}

/// Counters and lines of the log that an operator is told to look at.
const TOLD: [(&str, &str); 3] = [
    (
        "granary_malformed_requests_total",
        "refused: no request of HTTP",
    ),
    (
        "granary_guard_refusals_total",
        "not asked: this led to where only this machine can reach",
    ),
    (
        "granary_database_lies_total",
        "the checksum database is not to be believed",
    ),
];

/// Listens, and counts who comes; says nothing.
fn count_connections(at: SocketAddr) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind(at).unwrap();
    let address = listener.local_addr().unwrap();
    let count = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&count);
    std::thread::spawn(move || {
        for _stream in listener.incoming() {
            counter.fetch_add(1, Ordering::SeqCst);
        }
    });
    (address, count)
}
