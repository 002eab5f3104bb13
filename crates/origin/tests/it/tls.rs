//! TLS: whose certificates are believed, and that nobody gets us off it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http_body_util::Full;
use hyper::service::service_fn;
use hyper::{Request, Response, Version};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use origin::outside::{ExtraRoots, Outside};
use origin::upstream::UpstreamClass;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::asking::{ask, check_says, config, refused, upstreams, upstreams_of};

struct Secure {
    port: u16,
    roots: ExtraRoots,
    over_http2: Arc<AtomicUsize>,
}

/// A certificate for `names` of an authority of its own, ready to serve, and that authority.
pub fn certify(names: &[&str]) -> (ServerConfig, ExtraRoots) {
    let mut authority = CertificateParams::new(vec![]).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority_key = KeyPair::generate().unwrap();
    let pem = authority.self_signed(&authority_key).unwrap().pem();
    let key = KeyPair::generate().unwrap();
    let issuer = Issuer::new(authority, authority_key);
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    let certificate = CertificateParams::new(names)
        .unwrap()
        .signed_by(&key, &issuer)
        .unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let tls = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    let roots = ExtraRoots {
        name: "authority.pem".to_owned(),
        pem: pem.into_bytes(),
    };
    (tls, roots)
}

/// A server for `localhost` with a certificate of its own authority. `/redirect…` sends to `location`.
async fn start(location: &str) -> Secure {
    let (mut tls, roots) = certify(&["localhost"]);
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let over_http2 = Arc::new(AtomicUsize::new(0));
    let (acceptor, counted, location) = (
        TlsAcceptor::from(Arc::new(tls)),
        over_http2.clone(),
        location.to_owned(),
    );
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, counted, location) =
                (acceptor.clone(), counted.clone(), location.clone());
            tokio::spawn(async move {
                let Ok(stream) = acceptor.accept(stream).await else {
                    return;
                };
                let service =
                    service_fn(move |request| respond(request, counted.clone(), location.clone()));
                let _ = auto::Builder::new(TokioExecutor::new())
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
            });
        }
    });
    Secure {
        port,
        roots,
        over_http2,
    }
}

async fn respond(
    request: Request<hyper::body::Incoming>,
    counted: Arc<AtomicUsize>,
    location: String,
) -> Result<Response<Full<Bytes>>, std::convert::Infallible> {
    counted.fetch_add(
        usize::from(request.version() == Version::HTTP_2),
        Ordering::SeqCst,
    );
    let mut response = Response::new(Full::new(Bytes::from_static(b"module example.com/m\n")));
    if request.uri().path().starts_with("/redirect") {
        *response.status_mut() = hyper::StatusCode::FOUND;
        response
            .headers_mut()
            .insert("location", location.parse().unwrap());
    }
    Ok(response)
}

#[tokio::test]
async fn roots_given_by_the_operator_are_believed() {
    let server = start("/").await;
    let url = format!("https://localhost:{}", server.port);
    let mut config = config();
    config.roots = vec![server.roots.clone()];
    let upstreams = upstreams_of(&config, &url);
    for _ in 0..3 {
        assert_eq!(
            ask(&upstreams).await.unwrap().bytes,
            "module example.com/m\n"
        );
    }
    assert_eq!(server.over_http2.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn unknown_authorities_and_wrong_names_are_not() {
    let server = start("/").await;
    let error = refused(ask(&upstreams(&format!("https://localhost:{}", server.port))).await);
    assert_eq!(error.class, UpstreamClass::Unreachable);
    check_says(&error, "certificate");
    let mut config = config();
    config.roots = vec![server.roots.clone()];
    let error = refused(
        ask(&upstreams_of(
            &config,
            &format!("https://127.0.0.1:{}", server.port),
        ))
        .await,
    );
    check_says(&error, "certificate");
}

#[tokio::test]
async fn nobody_redirects_us_from_https_to_http() {
    let plain = crate::server::Server::saying(crate::server::ok("evil")).await;
    let server = start(&plain.url()).await;
    let mut config = config();
    config.roots = vec![server.roots.clone()];
    // Even to a site that is configured.
    let list = format!("https://localhost:{}/redirect,{}", server.port, plain.url());
    let error = refused(ask(&upstreams_of(&config, &list)).await);
    check_says(&error, "from https to http");
    assert_eq!(plain.connection_count(), 0);
}

#[test]
fn roots_without_a_certificate_are_said_at_start() {
    let mut config = config();
    config.roots = vec![ExtraRoots {
        name: "empty.pem".to_owned(),
        pem: b"nothing".to_vec(),
    }];
    let error = Outside::new(&config).unwrap_err().to_string();
    assert!(error.contains("empty.pem"), "{error}");
}
