//! The orderly end.

use std::time::{Duration, Instant};

use tokio::net::TcpStream;

use crate::house::House;

const MOD: &str = "/example.com/m/@v/v1.0.0.mod";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_in_flight_end_and_idle_connections_are_closed() {
    let mut house =
        House::open_with(|config| config.drain_delay = Duration::from_millis(400)).await;
    house.land("example.com/m@v1.0.0").await;
    let mut idle_quick = house.client().await;
    let mut never_asked = house.client().await;
    let mut idle_hyper = house.client().await;
    idle_hyper.get(MOD).await;
    idle_quick.get(MOD).await;
    house.script.list("example.com/slow", &["v1.0.0"]);
    house.script.set_delay(Duration::from_millis(1200));
    let mut in_flight = house.client().await;
    in_flight
        .send("GET /example.com/slow/@v/list HTTP/1.1\r\nHost: x\r\n\r\n")
        .await;
    tokio::time::sleep(Duration::from_millis(100)).await;

    house.stop();
    tokio::time::sleep(Duration::from_millis(100)).await;
    let ready = house.get("/readyz").await;
    assert_eq!((ready.status, ready.text()), (503, "going down\n"));
    assert_eq!(
        house.get(MOD).await.status,
        200,
        "still served while others learn of it"
    );
    for client in [&mut idle_quick, &mut never_asked, &mut idle_hyper] {
        assert!(client.is_closed_within(Duration::from_secs(2)).await);
    }
    assert_eq!(in_flight.reply(false).await.unwrap().text(), "v1.0.0\n");
    house.stopped().await;
    assert!(
        TcpStream::connect(house.address).await.is_err(),
        "nobody listens"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drain_is_bounded() {
    let mut house = House::open_with(|config| config.drain_wait = Duration::from_millis(500)).await;
    house.script.set_delay(Duration::from_secs(30));
    let mut in_flight = house.client().await;
    in_flight
        .send("GET /example.com/slow/@v/list HTTP/1.1\r\nHost: x\r\n\r\n")
        .await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    let begun = Instant::now();
    house.stop();
    house.stopped().await;
    assert!(
        begun.elapsed() < Duration::from_secs(3),
        "{:?}",
        begun.elapsed()
    );
    assert!(in_flight.reply(false).await.is_none());
}
