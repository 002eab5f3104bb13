//! TLS by certificate files, re-read when they change.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsConnector;

use crate::by_hand::run;
use crate::rig::address::free_address;
use crate::rig::granary::Setup;
use crate::rig::wait_until;

fn write_certificate(folder: &Path) -> CertificateDer<'static> {
    let made = rcgen::generate_simple_self_signed(vec!["granary.example".to_owned()]).unwrap();
    std::fs::write(folder.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
    std::fs::write(folder.join("cert.pem"), made.cert.pem()).unwrap();
    made.cert.der().clone()
}

/// What `/livez` says over TLS, where the server shows exactly this certificate.
fn ask(address: SocketAddr, root: &CertificateDer<'static>) -> Option<String> {
    let mut roots = RootCertStore::empty();
    roots.add(root.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let stream = tokio::net::TcpStream::connect(address).await.ok()?;
        let name = ServerName::try_from("granary.example").unwrap();
        let mut stream = TlsConnector::from(Arc::new(config))
            .connect(name, stream)
            .await
            .ok()?;
        let request = b"GET /livez HTTP/1.1\r\nHost: granary.example\r\nConnection: close\r\n\r\n";
        stream.write_all(request).await.ok()?;
        let mut text = String::new();
        stream.read_to_string(&mut text).await.ok();
        Some(text)
    })
}

#[test]
fn https_is_served_and_a_renewed_certificate_taken_up() {
    let setup = Setup::new();
    let folder = setup.folder("tls");
    let first = write_certificate(&folder);
    let setup = setup
        .set("tls.cert", folder.join("cert.pem").to_str().unwrap())
        .set("tls.key", folder.join("key.pem").to_str().unwrap());
    let address = free_address();
    let server = setup.launch(address);
    wait_until(Duration::from_secs(30), "https", || {
        ask(address, &first).is_some_and(|t| t.contains(" 200 "))
    });
    assert!(run(&setup, &["env"], 0).contains("GOPROXY=https://"));
    // Commands reach it by its socket all the same.
    assert!(run(&setup, &["doctor"], 0).contains("ready"));
    let second = write_certificate(&folder);
    wait_until(Duration::from_secs(25), "the new certificate", || {
        ask(address, &second).is_some()
    });
    assert!(
        ask(address, &first).is_none(),
        "the old one is still in use"
    );
    assert!(server.log().contains("new certificate"), "{}", server.log());
}
