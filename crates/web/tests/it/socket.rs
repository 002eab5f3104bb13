//! The unix socket and its control routes.

use std::os::unix::fs::PermissionsExt;

use tokio::net::UnixStream;
use web::{Bound, ListenerConfig, ServeError};

use crate::client::Client;
use crate::house::House;

async fn open() -> House {
    House::open_at(
        |_| {},
        |folder| {
            vec![
                ListenerConfig::Tcp(([127, 0, 0, 1], 0).into()),
                ListenerConfig::Unix(folder.join("granary.sock")),
            ]
        },
    )
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_socket_serves_everything_and_control() {
    let mut house = open().await;
    house.land("example.com/m@v1.0.0").await;
    let path = house.folder.path().join("granary.sock");
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let mut client = Client::over(UnixStream::connect(&path).await.unwrap());
    for _ in 0..2 {
        assert_eq!(
            client.get("/example.com/m/@v/v1.0.0.zip").await.body.len(),
            200_000
        );
        let echoed = client
            .ask("POST", "/v1/control/echo", "Content-Length: 2\r\n\r\nhi")
            .await;
        assert_eq!((echoed.status, echoed.text()), (200, "hihi"));
        let refused = client
            .ask("POST", "/v1/control/echo", "Content-Length: 0\r\n")
            .await;
        assert_eq!((refused.status, refused.text()), (400, "nothing to do\n"));
    }
    assert_eq!(client.get("/v1/control/none").await.status, 404);
    let over_tcp = house
        .ask("POST", "/v1/control/echo", "Content-Length: 0\r\n")
        .await;
    // Whoever asks under another name is sent away before anything else is looked at.
    assert_eq!(over_tcp.status, 421);
    assert_eq!(house.get("/v1/control/echo").await.status, 421);
    drop(client);
    house.stop();
    house.stopped().await;
    assert!(!path.exists(), "the socket is taken away");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_servers_socket_is_replaced_and_a_living_ones_is_not() {
    let house = open().await;
    let path = house.folder.path().join("granary.sock");
    let taken = Bound::bind(vec![ListenerConfig::Unix(path)]).await;
    assert!(matches!(taken, Err(ServeError::SocketInUse { .. })));
    let left = house.folder.path().join("left.sock");
    drop(std::os::unix::net::UnixListener::bind(&left).unwrap());
    assert!(left.exists());
    Bound::bind(vec![ListenerConfig::Unix(left)]).await.unwrap();
    let file = house.folder.path().join("no.sock");
    std::fs::write(&file, "precious").unwrap();
    assert!(
        Bound::bind(vec![ListenerConfig::Unix(file.clone())])
            .await
            .is_err()
    );
    assert_eq!(std::fs::read_to_string(file).unwrap(), "precious");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_port_that_is_taken_is_named() {
    let house = open().await;
    let taken = Bound::bind(vec![ListenerConfig::Tcp(house.address)]).await;
    let error = taken.unwrap_err().to_string();
    assert!(error.contains(&house.address.to_string()), "{error}");
}
