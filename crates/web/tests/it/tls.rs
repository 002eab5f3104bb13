//! TLS, and certificates that are renewed under a running server.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Empty};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use web::ListenerConfig;

use crate::client::Client;
use crate::house::{House, mod_of};

const MOD: &str = "/example.com/m/@v/v1.0.0.mod";

fn write_certificate(folder: &Path) -> CertificateDer<'static> {
    let made = rcgen::generate_simple_self_signed(vec!["granary.example".to_owned()]).unwrap();
    std::fs::write(folder.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
    std::fs::write(folder.join("certificate.pem"), made.cert.pem()).unwrap();
    made.cert.der().clone()
}

async fn connect(
    house: &House,
    root: &CertificateDer<'static>,
    alpn: &[u8],
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(root.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![alpn.to_vec()];
    let stream = TcpStream::connect(house.address).await?;
    let name = ServerName::try_from("granary.example").unwrap();
    TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
}

async fn open() -> (House, CertificateDer<'static>) {
    let mut root = None;
    let house = House::open_at(
        |config| config.certificate_check_every = Duration::from_millis(50),
        |folder| {
            root = Some(write_certificate(&folder));
            vec![ListenerConfig::Tls {
                address: ([127, 0, 0, 1], 0).into(),
                certificate: folder.join("certificate.pem"),
                key: folder.join("key.pem"),
            }]
        },
    )
    .await;
    (house, root.unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_protocols_are_spoken() {
    let (house, root) = open().await;
    let of = house.land("example.com/m@v1.0.0").await;
    let mut client = Client::over(connect(&house, &root, b"http/1.1").await.unwrap());
    for _ in 0..2 {
        assert_eq!(client.get(MOD).await.text(), mod_of(&of));
    }
    assert_eq!(
        client.get("/example.com/m/@v/v1.0.0.zip").await.body.len(),
        200_000
    );

    let stream = connect(&house, &root, b"h2").await.unwrap();
    let io = hyper_util::rt::TokioIo::new(stream);
    let executor = hyper_util::rt::TokioExecutor::new();
    let (mut sender, connection) = hyper::client::conn::http2::handshake(executor, io)
        .await
        .unwrap();
    tokio::spawn(connection);
    let request = http::Request::get(format!("https://granary.example{MOD}"));
    let request = request.body(Empty::<bytes::Bytes>::new()).unwrap();
    let response = sender.send_request(request).await.unwrap();
    assert_eq!(response.version(), http::Version::HTTP_2);
    assert_eq!(
        response.into_body().collect().await.unwrap().to_bytes(),
        mod_of(&of)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn renewed_certificates_are_used_without_a_restart() {
    let (house, old) = open().await;
    assert!(connect(&house, &old, b"http/1.1").await.is_ok());
    // Half a renewal changes nothing: the key does not fit.
    let half = rcgen::generate_simple_self_signed(vec!["granary.example".to_owned()]).unwrap();
    std::fs::write(
        house.folder.path().join("key.pem"),
        half.signing_key.serialize_pem(),
    )
    .unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(connect(&house, &old, b"http/1.1").await.is_ok());
    let new = write_certificate(house.folder.path());
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(connect(&house, &new, b"http/1.1").await.is_ok());
    assert!(connect(&house, &old, b"http/1.1").await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plain_http_on_the_tls_port_is_no_answer() {
    let (house, _) = open().await;
    let mut client = house.client().await;
    client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
    // An alert of TLS comes back, and the end.
    assert!(client.take_all().await < 64);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unusable_certificates_are_named_at_start() {
    let folder = tempfile::TempDir::new().unwrap();
    let bind = |certificate: &str, key: &str| {
        web::Bound::bind(vec![ListenerConfig::Tls {
            address: ([127, 0, 0, 1], 0).into(),
            certificate: folder.path().join(certificate),
            key: folder.path().join(key),
        }])
    };
    write_certificate(folder.path());
    std::fs::write(folder.path().join("empty.pem"), "").unwrap();
    for (certificate, key, named) in [
        ("none.pem", "key.pem", "none.pem"),
        ("certificate.pem", "none.pem", "none.pem"),
        ("empty.pem", "key.pem", "empty.pem"),
        ("certificate.pem", "empty.pem", "empty.pem"),
    ] {
        let error = bind(certificate, key).await.unwrap_err().to_string();
        assert!(error.contains(named), "{error}");
    }
    assert!(bind("certificate.pem", "key.pem").await.is_ok());
}
