//! One test for each way in which an upstream can be bad. All end in bounded time with an error that says what it was.

use std::time::{Duration, Instant};

use origin::upstream::{ModuleFile, UpstreamClass};

use crate::asking::{ask, check_says, module, refused, upstreams};
use crate::server::{Server, Step, answer, ok, raw_then_close, refuse};

const HEAD_ENDLESS: &[u8] = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";

async fn ask_server(steps: Vec<Step>) -> (origin::upstream::UpstreamError, Server) {
    let server = Server::saying(steps).await;
    let began = Instant::now();
    let error = refused(ask(&upstreams(&server.url())).await);
    assert!(
        began.elapsed() < Duration::from_secs(3),
        "{error}: {:?}",
        began.elapsed()
    );
    (error, server)
}

#[tokio::test]
async fn a_body_that_drips_is_given_up() {
    let head = b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n".to_vec();
    let drip = Step::Drip(b"x".to_vec(), Duration::from_millis(50));
    let (error, _) = ask_server(vec![Step::Send(head), drip]).await;
    assert_eq!(error.class, UpstreamClass::TooSlow);
    check_says(&error, "bytes in 300ms");
}

#[tokio::test]
async fn headers_that_drip_are_given_up() {
    let drip = Step::Drip(b"x-more: y\r\n".to_vec(), Duration::from_millis(50));
    let (error, _) = ask_server(vec![Step::Send(b"HTTP/1.1 200 OK\r\n".to_vec()), drip]).await;
    assert_eq!(error.class, UpstreamClass::TooSlow);
    check_says(&error, "no answer began");
}

#[tokio::test]
async fn silence_is_given_up() {
    let (error, _) = ask_server(vec![Step::Wait(Duration::from_secs(9))]).await;
    assert_eq!(error.class, UpstreamClass::TooSlow);
    let mut body = vec![b'x'; 2000];
    body.splice(
        0..0,
        b"HTTP/1.1 200 OK\r\ncontent-length: 9000\r\n\r\n"
            .iter()
            .copied(),
    );
    let (error, _) = ask_server(vec![Step::Send(body), Step::Wait(Duration::from_secs(9))]).await;
    assert_eq!(error.class, UpstreamClass::TooSlow);
    check_says(&error, "nothing came");
}

#[tokio::test]
async fn an_endless_body_ends_at_the_limit() {
    let mut chunk = b"2000\r\n".to_vec();
    chunk.extend([b'x'; 0x2000]);
    chunk.extend(b"\r\n");
    let endless = Step::Drip(chunk, Duration::ZERO);
    let (error, _) = ask_server(vec![Step::Send(HEAD_ENDLESS.to_vec()), endless]).await;
    assert_eq!(error.class, UpstreamClass::Invalid);
    check_says(&error, "more than the 65536 bytes");
}

#[tokio::test]
async fn a_body_announced_too_large_is_not_read() {
    let (error, _) = ask_server(raw_then_close(
        "HTTP/1.1 200 OK\r\ncontent-length: 65537\r\n\r\n",
    ))
    .await;
    assert_eq!(error.class, UpstreamClass::Invalid);
    check_says(&error, "more than the 65536 bytes");
}

#[tokio::test]
async fn truncated_bodies_are_noticed() {
    for cut in [
        "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nmodule",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n6\r\nmodule\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nff\r\nmodule",
    ] {
        let (error, _) = ask_server(raw_then_close(cut)).await;
        assert_eq!(error.class, UpstreamClass::Unreachable, "{cut}");
        check_says(&error, "broke off");
    }
}

#[tokio::test]
async fn lies_about_length_are_noticed() {
    for lie in [
        "HTTP/1.1 200 OK\r\ncontent-length: 6\r\ncontent-length: 7\r\n\r\nmodule",
        "HTTP/1.1 200 OK\r\ncontent-length: -6\r\n\r\nmodule",
        "HTTP/1.1 200 OK\r\ncontent-length: 6x\r\n\r\nmodule",
        "HTTP/1.1 200 OK\r\ncontent-length: 99999999999999999999999\r\n\r\nmodule",
    ] {
        let (error, _) = ask_server(raw_then_close(lie)).await;
        assert_eq!(error.class, UpstreamClass::Unreachable, "{lie}");
    }
}

#[tokio::test]
async fn what_follows_a_body_is_never_the_next_answer() {
    let smuggled = "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nmoduleHTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil";
    let server = Server::saying(vec![Step::Send(smuggled.into())]).await;
    let upstreams = upstreams(&server.url());
    for _ in 0..3 {
        assert_eq!(ask(&upstreams).await.unwrap().bytes, "module");
    }
    assert_eq!(server.connection_count(), 3);
}

#[tokio::test]
async fn header_floods_are_refused() {
    let many: String = (0..10_000).map(|n| format!("x-{n}: y\r\n")).collect();
    let (error, _) = ask_server(answer("200 OK", &many, "module")).await;
    assert_eq!(error.class, UpstreamClass::Unreachable);
    let endless = Step::Drip(vec![b'x'; 64 * 1024], Duration::ZERO);
    let (error, _) = ask_server(vec![
        Step::Send(b"HTTP/1.1 200 OK\r\nx: ".to_vec()),
        endless,
    ])
    .await;
    assert_eq!(error.class, UpstreamClass::Unreachable);
}

#[tokio::test]
async fn nonsense_is_not_an_answer() {
    for nonsense in [
        "SSH-2.0-OpenSSH_9.2\r\n",
        "module example.com/m\n",
        "HTTP/9.9 200 OK\r\n\r\n",
        "\0\0\0\0\0\0\0\0\0",
    ] {
        let (error, _) = ask_server(raw_then_close(nonsense)).await;
        assert_eq!(error.class, UpstreamClass::Unreachable, "{nonsense:?}");
        check_says(&error, "could not be reached");
    }
}

#[tokio::test]
async fn statuses_other_than_200_are_errors() {
    for status in [
        "201 Created",
        "204 No Content",
        "206 Partial Content",
        "304 Not Modified",
        "401 Unauthorized",
        "500 Oops",
    ] {
        let (error, _) = ask_server(answer(status, "", "")).await;
        assert_eq!(error.class, UpstreamClass::Unreachable, "{status}");
        check_says(&error, &status[..3]);
    }
}

#[tokio::test]
async fn a_coding_nobody_asked_for_is_refused() {
    let (error, server) =
        ask_server(answer("200 OK", "content-encoding: gzip\r\n", "\x1f\u{8b}")).await;
    assert_eq!(error.class, UpstreamClass::Unreachable);
    check_says(&error, "gzip");
    let seen = server.seen.lock().unwrap();
    assert_eq!(
        seen[0].header("accept-encoding").as_deref(),
        Some("identity")
    );
}

#[tokio::test]
async fn refusals_keep_their_text_and_class() {
    for (status, class) in [
        ("404 Not Found", UpstreamClass::Absent),
        ("410 Gone", UpstreamClass::Gone),
        ("403 Forbidden", UpstreamClass::Forbidden),
        ("451 Unavailable For Legal Reasons", UpstreamClass::Legal),
    ] {
        let (error, _) = ask_server(refuse(
            status,
            "not found: \x1b[31mexample.com/m\n\nask legal\n",
        ))
        .await;
        assert_eq!(error.class, class);
        assert_eq!(error.text, "not found: [31mexample.com/m\nask legal");
        let (error, _) =
            ask_server(answer(status, "content-type: text/html\r\n", "<h1>no</h1>")).await;
        assert_eq!(error.class, class);
        assert!(
            !error.text.contains('<') && error.text.contains(&status[..3]),
            "{error}"
        );
    }
}

#[tokio::test]
async fn an_info_for_another_version_is_invalid() {
    let server = Server::saying(ok(r#"{"Version":"v1.0.1"}"#)).await;
    let info = ModuleFile::Info("v1.0.0".to_owned());
    let error = refused(
        upstreams(&server.url())
            .get_small(&module(), &info, 1 << 20)
            .await,
    );
    assert_eq!(error.class, UpstreamClass::Invalid);
    check_says(&error, "for version v1.0.1");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unreachable() {
    let gone = Server::saying(vec![]).await.url();
    let error = refused(ask(&upstreams(&gone)).await);
    assert_eq!(error.class, UpstreamClass::Unreachable);
    check_says(&error, "refused");
}
