//! What git's own configuration and `.netrc` say of a server holds for Granary too: its roots, its proxy, its password.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::rig::forge::{Forge, Site, status};
use crate::rig::granary::{Granary, Setup};
use crate::rig::pack::{FILE, Pack};

/// `ada:secret`, as a request carries it.
const PASSWORD: &str = "basic ywrhonnly3jlda==";

/// A server of `https://localhost:<port>/` and `https://forge.test/` which wants a password and passes everything else to a forge. Its
/// certificate, which nobody else signed, is written to a file.
fn serve_tls(forge: SocketAddr, certificate: &Path) -> SocketAddr {
    let made =
        rcgen::generate_simple_self_signed(vec!["localhost".to_owned(), "forge.test".to_owned()])
            .unwrap();
    std::fs::write(certificate, made.cert.pem()).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let config = Arc::clone(&config);
            std::thread::spawn(move || {
                let connection = ServerConnection::new(config).unwrap();
                pass_on(StreamOwned::new(connection, stream), forge)
            });
        }
    });
    address
}

/// Answers one request, from the forge if it carries the password. A client that gives up ends it.
fn pass_on(mut client: StreamOwned<ServerConnection, TcpStream>, forge: SocketAddr) -> Option<()> {
    let mut request = Vec::new();
    let mut byte = [0];
    while !request.ends_with(b"\r\n\r\n") {
        client.read_exact(&mut byte).ok()?;
        request.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&request).to_ascii_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    client.read_exact(&mut body).ok()?;
    let answer = if head.contains(&format!("authorization: {PASSWORD}\r\n")) {
        let mut server = TcpStream::connect(forge).ok()?;
        server.write_all(&[request, body].concat()).ok()?;
        let mut answer = Vec::new();
        server.read_to_end(&mut answer).ok()?;
        answer
    } else {
        status(
            "401 Unauthorized",
            "WWW-Authenticate: Basic realm=\"g\"\r\n",
            "",
        )
    };
    client.write_all(&answer).ok()?;
    client.conn.send_close_notify();
    client.flush().ok()
}

/// An outgoing proxy that leads to `to`, whatever is asked for, and counts.
fn serve_proxy(to: SocketAddr, count: Arc<AtomicUsize>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            count.fetch_add(1, Ordering::Relaxed);
            std::thread::spawn(move || tunnel(stream, to));
        }
    });
    address
}

fn tunnel(mut client: TcpStream, to: SocketAddr) -> Option<()> {
    let mut lines = BufReader::with_capacity(1, client.try_clone().ok()?).lines();
    assert!(lines.next()?.ok()?.starts_with("CONNECT forge.test:443 "));
    while lines.next()?.is_ok_and(|line| !line.is_empty()) {}
    let mut server = TcpStream::connect(to).ok()?;
    client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").ok()?;
    let (mut there, mut back) = (client.try_clone().ok()?, server.try_clone().ok()?);
    let up = std::thread::spawn(move || std::io::copy(&mut there, &mut back).ok());
    std::io::copy(&mut server, &mut client).ok();
    client.shutdown(std::net::Shutdown::Both).ok();
    up.join().ok().flatten().map(|_| ())
}

/// A module that one server alone has.
fn put_module(forge: &Forge) {
    let mut pack = Pack::new();
    let go_mod = pack.blob(b"module github.com/a/b\n");
    let source = pack.blob(b"package b\n");
    let commit = pack.commit_of(&[(FILE, b"b.go", source), (FILE, b"go.mod", go_mod)]);
    let site = Site::of(commit, &[("v1.0.0", commit)], &pack.finish());
    forge.put("a/b", site);
}

#[test]
fn roots_proxy_and_password_of_a_server_are_taken_from_git_and_netrc() {
    let forge = Forge::start();
    put_module(&forge);
    let setup = Setup::new()
        .set("upstream", "direct")
        .set("list.fresh", "1ms");
    let home = setup.folder("home");
    let certificate = home.join("roots.pem");
    let server = serve_tls(forge.address, &certificate);
    let proxied = Arc::new(AtomicUsize::new(0));
    let proxy = serve_proxy(server, Arc::clone(&proxied));
    // The one is reached straight, the other's name is known to the proxy alone.
    let straight = format!("https://localhost:{}/", server.port());
    let roots = format!("\tsslCAInfo = {}\n", certificate.display());
    let behind = "https://forge.test/";
    let through = format!("{roots}\tproxy = http://{proxy}\n");
    let start = |base: &str, http: &str, password: &str| -> Granary {
        let config = format!(
            "[url \"{base}\"]\n\tinsteadOf = https://github.com/\n[http \"{base}\"]\n{http}"
        );
        std::fs::write(home.join(".gitconfig"), config).unwrap();
        let netrc = ["localhost", "forge.test"]
            .map(|machine| format!("machine {machine} login ada password {password}\n"));
        std::fs::write(home.join(".netrc"), netrc.concat()).unwrap();
        let mine = PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(home.join(".netrc"), mine).unwrap();
        setup.start()
    };
    let file = "/github.com/a/b/@v/v1.0.0.info";

    // Its certificate is nobody's: trouble with a cause, and not "there is no such module".
    let answer = start(&straight, "", "secret").get(file);
    assert_eq!(answer.status, 502, "{}", answer.text());
    assert!(answer.text().contains("certificate"), "{}", answer.text());

    let answer = start(&straight, &roots, "wrong").get(file);
    assert!(answer.status >= 400, "{}", answer.text());
    assert!(!answer.text().contains("wrong"), "{}", answer.text());

    start(&straight, &roots, "secret").must_get(file);
    assert_eq!(proxied.load(Ordering::Relaxed), 0);
    let granary = start(behind, &through, "secret");
    granary.must_get("/github.com/a/b/@v/v1.0.0.zip");
    assert!(proxied.load(Ordering::Relaxed) > 0, "not through the proxy");
}
