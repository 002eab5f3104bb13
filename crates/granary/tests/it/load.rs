//! Many clients, slow ones, floods, more work than there are hands, and no descriptors left: what is stored is served on,
//! what cannot be done now is refused with 503, nothing grows, everything comes back.
//!
//! `GRANARY_SOAK=1` runs the full counts and prints figures for bench/SOAK.md, lines that begin with `row`.

mod crowd;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit, setrlimit};
use tokio::runtime::Runtime;

use crate::by_hand::{Process, run};
use crate::rig::address::free_address;
use crate::rig::database::Database;
use crate::rig::granary::{Granary, Setup};
use crate::rig::module::{Made, make, noise};
use crate::rig::upstream::{Lie, Upstream};
use crate::rig::{raw, wait_until};
use crowd::{Crowd, FLOODS, Fared, Habit, SLOW, Target, ask};

/// Longest wait for something that must come; only a failing test waits that long.
const SOON: Duration = Duration::from_secs(60);

/// The cap of docs/operating.md: own memory, in bytes, with so many connections open.
fn memory_max(connections: usize) -> u64 {
    (150 << 20) + connections as u64 * (16 << 10)
}

fn is_soak() -> bool {
    std::env::var("GRANARY_SOAK").is_ok_and(|value| value == "1")
}

/// A figure for the table of the soak.
fn row(what: &str, count: &str, outcome: &str) {
    if is_soak() {
        let line = format!("row\t{what}\t{count}\t{outcome}\n");
        std::io::stdout().write_all(line.as_bytes()).unwrap();
    }
}

/// Lets this process hold as many connections as the system allows.
fn raise_own_limit() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).unwrap();
}

/// A server with a small and a large module in its memory.
fn warm(setup: impl FnOnce(Setup) -> Setup) -> (Upstream, Granary, Made, Made) {
    let database = Database::new();
    let upstream = Upstream::start_with(&database);
    let small = upstream.publish("example.com/warm", "v1.0.0", &[("w.go", "package warm\n")]);
    let text = noise(1, 24 << 20);
    let large = upstream.publish("example.com/large", "v1.0.0", &[("l.txt", &text)]);
    let granary = setup(Setup::with(&upstream, &database)).start();
    for made in [&small, &large] {
        for extension in ["info", "mod", "zip"] {
            assert!(granary.must_get(&made.file(extension)) == made.bytes(extension));
        }
    }
    (upstream, granary, small, large)
}

fn descriptors(granary: &Granary) -> usize {
    let folder = format!("/proc/{}/fd", granary.process_id());
    std::fs::read_dir(folder).unwrap().count()
}

/// A figure of /metrics.
#[track_caller]
fn figure(granary: &Granary, name: &str) -> u64 {
    let text = granary.get("/metrics").text();
    let found = text
        .lines()
        .find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
    found.unwrap_or_else(|| panic!("{name} is not in {text}"))
}

/// A connection that stays open from one request to the next.
struct Kept(TcpStream);

impl Kept {
    fn open(to: SocketAddr) -> Self {
        let stream = TcpStream::connect(to).unwrap();
        stream.set_read_timeout(Some(SOON)).unwrap();
        Self(stream)
    }

    /// Status, header block and body.
    #[track_caller]
    fn get(&mut self, path: &str) -> (u16, String, Vec<u8>) {
        write!(self.0, "GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            self.0.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).unwrap().to_lowercase();
        let length = head
            .lines()
            .find_map(|l| l.strip_prefix("content-length: "));
        let mut body = vec![0; length.unwrap().parse().unwrap()];
        self.0.read_exact(&mut body).unwrap();
        (head[9..12].parse().unwrap(), head, body)
    }
}

/// Takes all descriptors that a server does not hold yet, or gives them back.
fn limit_descriptors(granary: &Granary, most: Option<u64>) {
    let pid = Pid::from_raw(i32::try_from(granary.process_id()).unwrap());
    let maximum = getrlimit(Resource::Nofile).maximum;
    let limit = Rlimit {
        current: most.or(maximum),
        maximum,
    };
    prlimit(pid, Resource::Nofile, limit).unwrap();
}

#[test]
fn without_descriptors_open_connections_are_served_and_captures_fail_cleanly() {
    let database = Database::new();
    let upstream = Upstream::start_with(&database);
    let [hot, cold, new, newer] = ["hot", "cold", "new", "newer"].map(|name| {
        let path = format!("example.com/{name}");
        upstream.publish(&path, "v1.0.0", &[("x.go", &noise(3, 40_000))])
    });
    let setup = Setup::with(&upstream, &database).set("capture.zips", "asked");
    let granary = setup.start();
    granary.must_get(&cold.file("zip"));
    let granary = granary.kill().start();
    granary.must_get(&hot.file("info"));
    let (mut one, mut two) = (Kept::open(granary.address), Kept::open(granary.address));
    assert_eq!(one.get("/livez").0, 200);
    assert_eq!(two.get(&hot.file("info")).0, 200);
    let before = descriptors(&granary);

    limit_descriptors(&granary, Some(1));
    // In the kernel's line from here on; taken only when there are descriptors again.
    let waiting: Vec<TcpStream> = (0..20)
        .map(|_| TcpStream::connect(granary.address).unwrap())
        .collect();
    assert_eq!(two.get(&hot.file("info")).2, hot.info);
    for path in [new.file("info"), new.file("zip"), cold.file("zip")] {
        let (status, head, body) = one.get(&path);
        let text = String::from_utf8_lossy(&body).into_owned();
        assert_eq!(status, 503, "{path}: {text}\n{}", granary.log());
        assert!(head.contains("retry-after"), "{path}: {head}");
    }
    assert_eq!(two.get("/livez").0, 200);
    let begun = (Instant::now(), granary.processor_time());
    wait_until(SOON, "a second without descriptors", || {
        begun.0.elapsed() > Duration::from_secs(1)
    });
    let used = granary.processor_time() - begun.1;
    assert!(
        used < begun.0.elapsed() / 2,
        "a core is kept busy: {used:?}"
    );

    limit_descriptors(&granary, None);
    for made in [&hot, &cold, &new, &newer] {
        for extension in ["info", "mod", "zip"] {
            assert!(granary.must_get(&made.file(extension)) == made.bytes(extension));
        }
    }
    assert!(figure(&granary, "granary_accepts_failed_total") > 0);
    let said = granary.log().matches("connections cannot be taken").count();
    assert!((1..5).contains(&said), "said {said} times");
    drop((waiting, one, two));
    // Connections to the upstream are kept for a while, and the files of three zips.
    wait_until(SOON, "descriptors come back", || {
        descriptors(&granary) <= before + 24
    });
    let setup = granary.kill();
    let incoming = setup.data().join("store/incoming");
    run(&setup, &["verify"], 0);
    assert_eq!(std::fs::read_dir(incoming).unwrap().count(), 0);
}

/// Starts a server below limits of open files, soft and hard.
fn start_below(setup: &Setup, limits: &str) -> (Process, SocketAddr) {
    let address = free_address();
    let serve = setup.command(&["serve", "--listen", &address.to_string()]);
    let mut command = below(&serve, limits);
    let server = Process::start(&mut command, &setup.folder("l").join(limits));
    wait_until(SOON, "ready", || raw::get(address, "/readyz").status == 200);
    (server, address)
}

/// A command with other limits of open files.
fn below(command: &Command, limits: &str) -> Command {
    let (soft, hard) = limits.split_once(':').unwrap();
    let mut limited = Command::new("sh");
    limited
        .args([
            "-c",
            "ulimit -Sn $2; ulimit -Hn $1; shift 2; exec \"$@\"",
            "sh",
        ])
        .args([hard, soft])
        .arg(command.get_program())
        .args(command.get_args())
        .env_clear();
    for (name, value) in command.get_envs() {
        limited.env(name, value.unwrap_or_default());
    }
    limited
}

#[test]
fn clients_leave_descriptors_for_captures_whatever_the_limit_is() {
    let database = Database::new();
    let upstream = Upstream::start_with(&database);
    let made: Vec<Made> = (0..8)
        .map(|n| {
            let path = format!("example.com/m{n}");
            upstream.publish(&path, "v1.0.0", &[("x.go", &noise(n, 40_000))])
        })
        .collect();
    let setup = Setup::with(&upstream, &database).set("capture.workers", "4");

    // A soft limit is raised to the hard one.
    let (server, address) = start_below(&setup, "64:4096");
    let metrics = raw::get(address, "/metrics").text();
    assert!(
        metrics.contains("granary_descriptors_max 4096\n"),
        "{metrics}"
    );
    assert!(
        metrics.contains("granary_connections_max 3568\n"),
        "{metrics}"
    );
    assert!(server.log().contains("connections_max does not fit"));
    let doctor = run(&setup, &["doctor", "--json"], 0);
    let open_files = doctor.lines().find(|line| line.contains("open files"));
    assert!(open_files.unwrap().contains("note"), "{doctor}");
    server.kill();

    // Half of a limit that is much too low is for clients.
    let (server, address) = start_below(&setup, "128:128");
    let metrics = raw::get(address, "/metrics").text();
    assert!(
        metrics.contains("granary_connections_max 64\n"),
        "{metrics}"
    );
    let mut kept = Kept::open(address);
    assert_eq!(kept.get("/livez").0, 200);
    let crowd: Vec<TcpStream> = (0..200)
        .map(|_| TcpStream::connect(address).unwrap())
        .collect();
    for one in &made {
        for extension in ["info", "mod", "zip"] {
            let (status, _, body) = kept.get(&one.file(extension));
            let right = body == one.bytes(extension);
            assert!(status == 200 && right, "{status}: {}", server.log());
        }
    }
    drop(crowd);
    assert!(!server.log().contains("connections cannot be taken"));
    server.kill();
    let mut doctor = below(&setup.command(&["doctor", "--json"]), "128:128");
    let said = crate::by_hand::said(&doctor.output().unwrap());
    assert!(said.contains("64 of connections_max = 10000 fit"), "{said}");
}

/// The most memory that the server had while `act` ran.
fn peak_memory<T>(granary: &Granary, act: impl FnOnce() -> T) -> (T, u64) {
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        let watching = scope.spawn(|| {
            let mut peak = 0;
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                peak = peak.max(granary.memory_bytes());
                std::thread::sleep(Duration::from_millis(50));
            }
            peak
        });
        let done = act();
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        (done, watching.join().unwrap())
    })
}

#[test]
fn idle_slow_and_flooding_clients_hold_up_nobody() {
    raise_own_limit();
    let (idle, slow_each, floods_each, seconds) = if is_soak() {
        (10_000, 250, 4, 10)
    } else {
        (300, 5, 1, 1)
    };
    // Three quarters of it are held without anyone being hurried.
    let (_upstream, granary, small, large) = warm(|setup| setup.set("connections_max", "16000"));
    let (runtime, outside) = (Runtime::new().unwrap(), Crowd::runtime());
    let target = Target {
        address: granary.address,
        hot: small.file("mod"),
        large: large.file("zip"),
    };
    let normal = |what: &str| -> Fared {
        let (pause, during) = (Duration::from_millis(4), Duration::from_secs(seconds));
        let fared = ask(
            &runtime,
            granary.address,
            &small.file("mod"),
            4,
            pause,
            during,
        );
        assert!(
            fared.wrong == 0 && !fared.times.is_empty(),
            "{what}: {fared:?}"
        );
        fared
    };
    let unloaded = normal("unloaded");
    let before = descriptors(&granary);
    let slow = 4 * slow_each;

    let ((crowded, flooded), peak) = peak_memory(&granary, || {
        let mut crowds = vec![Crowd::send(&outside, &target, Habit::Idle, idle)];
        for habit in SLOW {
            crowds.push(Crowd::send(&outside, &target, habit, slow_each));
        }
        // Those who promise a body are answered at once and come again; the others stay.
        wait_until(SOON, "all are there", || {
            crowds.iter().map(Crowd::open).sum::<usize>() >= idle + slow - slow_each
        });
        let crowded = normal("crowded");
        for habit in FLOODS {
            crowds.push(Crowd::send(&outside, &target, habit, floods_each));
        }
        let flooded = normal("flooded");
        // On a busy machine the floods, which get idle time alone, begin late.
        wait_until(SOON, "a flood is cut", || {
            figure(&granary, "granary_connections_cut_total{why=\"flood\"}") > 0
        });
        (crowded, flooded)
    });
    assert!(peak < memory_max(idle + slow), "{peak} bytes of memory");
    wait_until(SOON, "descriptors come back", || {
        descriptors(&granary) <= before + 8
    });
    assert_eq!(granary.must_get(&small.file("zip")), small.zip);

    let told = |fared: &Fared| {
        let (ms, ratio) = (fared.p99_ms(), fared.p99_ms() / unloaded.p99_ms());
        format!("p99 {ms:.2} ms, {ratio:.2} x unloaded")
    };
    let count = format!("{idle} idle, {slow} slow");
    row(
        "idle and slow connections beside normal requests",
        &count,
        &told(&crowded),
    );
    let count = format!("{count}, {} flooding", 5 * floods_each);
    row(
        "the same with floods of headers and HTTP/2 frames",
        &count,
        &told(&flooded),
    );
    let memory = format!("{} MiB at most, all descriptors came back", peak >> 20);
    row("memory of these", &count, &memory);
}

#[test]
fn more_clients_than_can_be_served_are_served_as_fast() {
    raise_own_limit();
    let (few, many, seconds) = if is_soak() {
        (vec![16, 64, 256], 3_000, 10)
    } else {
        (vec![16], 200, 1)
    };
    // What is looked up each time costs the server many times what it costs the clients beside it, so that the server is
    // what comes to its limits: out of memory it answers faster than they can ask.
    let (_upstream, granary, small, _) = warm(|setup| {
        let setup = setup.set("connections_max", "16000");
        setup.set("cache.memory", "1KiB").set("log.level", "warn")
    });
    let runtime = Runtime::new().unwrap();
    let goodput = |clients| {
        let (path, during) = (small.file("mod"), Duration::from_secs(seconds));
        let fared = ask(
            &runtime,
            granary.address,
            &path,
            clients,
            Duration::ZERO,
            during,
        );
        assert_eq!(fared.wrong, 0, "{clients} clients");
        fared.per_second()
    };
    let peak = few
        .iter()
        .map(|clients| goodput(*clients))
        .fold(0.0, f64::max);
    let (under, memory) = peak_memory(&granary, || goodput(many));
    assert!(memory < memory_max(many), "{memory} bytes of memory");
    // No bar here: these clients cost the same processors more, the more of them there are. bench/soak/load.sh has the bar,
    // with clients that cost little.
    let share = under / peak * 100.0;
    let outcome = format!(
        "{under:.0}/s, {share:.0} % of the peak of costly clients, {} MiB",
        memory >> 20
    );
    row(
        "more clients for what is looked up than can be served",
        &format!("{many} clients"),
        &outcome,
    );
}

#[test]
fn three_times_the_captures_that_can_be_done_are_done_or_refused_with_a_time() {
    raise_own_limit();
    let (workers, captures, seconds) = if is_soak() {
        (32, 3_000, 10)
    } else {
        (6, 90, 1)
    };
    let database = Database::new();
    let upstream = Upstream::start_with(&database);
    let small = upstream.publish("example.com/warm", "v1.0.0", &[("w.go", "package warm\n")]);
    // Of many hosts, so that no host's share is the bound.
    let made: Vec<Made> = (0..captures)
        .map(|n| upstream.publish(&format!("m{}.example/m{n}", n % 30), "v1.0.0", &[]))
        .collect();
    let granary = Setup::with(&upstream, &database)
        .set("capture.workers", &workers.to_string())
        .set("capture.zips", "asked")
        .set("client_wait", if is_soak() { "10s" } else { "2s" })
        .start();
    let runtime = Runtime::new().unwrap();
    let normal = || {
        let (path, during) = (small.file("mod"), Duration::from_secs(seconds));
        ask(&runtime, granary.address, &path, 16, Duration::ZERO, during)
    };
    granary.must_get(&small.file("mod"));
    let alone = normal();
    upstream.set_delay(Duration::from_millis(if is_soak() { 300 } else { 400 }));

    let ((answers, meanwhile), peak) = peak_memory(&granary, || {
        let clients: Vec<_> = made
            .iter()
            .map(|made| (granary.address, made.file("mod")))
            .map(|(to, path)| std::thread::spawn(move || raw::get(to, &path)))
            .collect();
        let meanwhile = normal();
        let answers: Vec<_> = clients.into_iter().map(|c| c.join().unwrap()).collect();
        (answers, meanwhile)
    });
    let mut refused = 0;
    for (answer, made) in answers.iter().zip(&made) {
        match answer.status {
            200 => assert_eq!(answer.body, made.go_mod),
            503 => {
                refused += 1;
                assert!(answer.header("retry-after").is_some());
            }
            other => panic!("{other}: {}", answer.text()),
        }
    }
    assert!(refused > 0 && refused < captures, "{refused} of {captures}");
    assert_eq!(meanwhile.wrong, 0);
    assert!(peak < memory_max(captures), "{peak} bytes of memory");
    let begun = Instant::now();
    upstream.set_delay(Duration::ZERO);
    wait_until(SOON, "all that was taken on is done", || {
        figure(&granary, "granary_jobs{kind=\"capture\",state=\"queued\"}") == 0
            && figure(&granary, "granary_versions ") == captures as u64 + 1
    });
    let share = meanwhile.per_second() / alone.per_second() * 100.0;
    row(
        "three times the captures that can be done while clients wait",
        &format!("{captures} captures, {workers} workers"),
        &format!(
            "{refused} got 503 with a time, all were done {:.0} s later; meanwhile hits at {share:.0} %, {} MiB",
            begun.elapsed().as_secs_f64(),
            peak >> 20
        ),
    );
}

#[test]
fn a_host_that_hangs_takes_no_more_than_its_share() {
    let upstream = Upstream::start();
    let good = make("good.example/m", "v1.0.0", &[]);
    upstream.add(good.clone());
    let slow: Vec<String> = (0..200)
        .map(|n| format!("/slow.example/m{n}/@v/v1.0.0"))
        .collect();
    for stem in &slow {
        upstream.lie(&format!("{stem}.info"), Lie::Silent);
        upstream.lie(&format!("{stem}.mod"), Lie::Silent);
    }
    let granary = Setup::new().set("upstream", &upstream.url()).start();
    let waiting: Vec<TcpStream> = slow
        .iter()
        .map(|stem| {
            let mut stream = TcpStream::connect(granary.address).unwrap();
            write!(stream, "GET {stem}.mod HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
            stream
        })
        .collect();
    let asked = || -> usize {
        let counts = upstream.counts();
        let slow = counts.iter().filter(|(path, _)| path.starts_with("/slow."));
        slow.map(|(_, count)| count).sum()
    };
    wait_until(SOON, "the slow host has its share", || asked() >= 48);
    // All that hangs is given up after a minute; what does not hang is there long before.
    let begun = Instant::now();
    for extension in ["info", "mod", "zip"] {
        assert_eq!(
            granary.must_get(&good.file(extension)),
            good.bytes(extension)
        );
    }
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(30), "{took:?}");
    assert_eq!(asked(), 48, "three quarters of the places at the upstream");
    row(
        "200 requests for modules of a host that hangs",
        "1 run",
        &format!("another host's module after {} ms", took.as_millis()),
    );
    drop(waiting);
}
