//! Over HTTP.

use std::time::Duration;

use git::config::GitConfig;
use git::protocol::FetchError;
use gomod::private::PrivatePatterns;

use super::super::{RemoteSettings, Secrets};
use super::server::{Said, Server, answer, redirect};
use super::{Repositories, Ways, check_conversation, code_of, fetch, standing_for};
use crate::guard::AllowList;
use crate::outside::OutsideConfig;
use crate::upstream::UpstreamClass;

const REPOSITORY: &str = "https://code.test/r.git";

#[test]
fn every_version_is_spoken() {
    let repositories = Repositories::shared();
    for (protocol, version) in [("version=2", 2), ("version=1", 1), ("version=0", 0)] {
        let server = Server::start(repositories.path(), move |_| Said::Backend(Some(protocol)));
        let ways = Ways::new(standing_for(&server.url()));
        let mut session = ways.open(REPOSITORY).unwrap();
        assert_eq!(session.version(), version);
        check_conversation(&mut session, repositories);
        let seen = server.seen();
        assert_eq!(seen[0].method, "GET");
        assert_eq!(seen[0].target, "/r.git/info/refs?service=git-upload-pack");
        for request in &seen {
            assert_eq!(request.header("git-protocol"), Some("version=2"));
            assert!(request.header("user-agent").unwrap().starts_with("git/"));
            assert_eq!(request.header("authorization"), None);
        }
        let question = seen.last().unwrap();
        assert_eq!(question.method, "POST");
        assert_eq!(question.target, "/r.git/git-upload-pack");
        let kind = Some("application/x-git-upload-pack-request");
        assert_eq!(question.header("content-type"), kind);
    }
}

#[track_caller]
fn check_status(status: &'static str, class: UpstreamClass, want: &str) {
    let server = Server::start("/".into(), move |_| {
        answer(
            status,
            "content-type: text/plain\r\nretry-after: 7\r\n",
            b"its own words",
        )
    });
    let mut settings = standing_for(&server.url());
    settings.secrets_hint = "put a line into the file of credentials".to_owned();
    let ways = Ways::new(settings);
    ways.check_refused(REPOSITORY, class, want);
    ways.check_refused(REPOSITORY, class, "https://code.test/r.git: ");
    ways.check_refused(REPOSITORY, class, "its own words");
}

#[test]
fn refusals_are_told_apart() {
    use UpstreamClass::{Absent, Forbidden, Gone, Legal, TooSlow, Unreachable};
    check_status("401 Unauthorized", Absent, "none are configured");
    check_status("401 Unauthorized", Absent, "put a line into the file");
    check_status("403 Forbidden", Forbidden, "forbids");
    check_status(
        "404 Not Found",
        Absent,
        "no such repository, or it is private",
    );
    check_status("410 Gone", Gone, "is gone");
    check_status("451 Unavailable", Legal, "legal reasons");
    check_status("504 Gateway Timeout", TooSlow, "took too long");
    check_status("500 Oops", Unreachable, "status 500");
    check_status("206 Partial Content", Unreachable, "status 206");
}

#[test]
fn a_server_that_asks_to_be_left_alone_is() {
    let server = Server::start("/".into(), |_| {
        answer("429 Too Many Requests", "retry-after: 7\r\n", b"")
    });
    let ways = Ways::new(standing_for(&server.url()));
    for _try in 0..2 {
        let error = ways.open(REPOSITORY).err().unwrap();
        let UpstreamClass::Overloaded { retry_after } = error.class else {
            panic!("{error}");
        };
        assert!(retry_after.unwrap() <= Duration::from_secs(7));
    }
    assert_eq!(server.seen().len(), 1);
}

#[test]
fn a_repository_that_is_not_there_is_absent() {
    let repositories = Repositories::shared();
    let server = Server::start(repositories.path(), |_| Said::Backend(None));
    let ways = Ways::new(standing_for(&server.url()));
    let want = "has no such repository, or it is private";
    ways.check_refused("https://code.test/other.git", UpstreamClass::Absent, want);
}

#[test]
fn a_server_of_files_is_left_to_others() {
    for kind in [
        "",
        "content-type: text/plain\r\n",
        "content-type: text/html\r\n",
    ] {
        let server = Server::start("/".into(), move |_| {
            answer(
                "200 OK",
                kind,
                b"e69de29bb2d1d6434b8b29ae775ad8c2e48c5391\trefs/heads/x\n",
            )
        });
        let ways = Ways::new(standing_for(&server.url()));
        let wire = ways.remotes.open(REPOSITORY).unwrap();
        let Err(error) = git::protocol::Session::open(wire, &Default::default()) else {
            panic!("opened");
        };
        assert!(error.is_unsupported());
        assert!(code_of(error).text.contains("gives files only"));
    }
}

#[test]
fn questions_follow_where_the_greeting_was_redirected() {
    let repositories = Repositories::shared();
    let server = Server::start(repositories.path(), |seen| {
        match seen.target.strip_prefix("/new") {
            Some(rest) => Said::Moved(rest.to_owned()),
            None => redirect(&format!("/new{}", seen.target)),
        }
    });
    let ways = Ways::new(standing_for(&server.url()));
    check_conversation(&mut ways.open(REPOSITORY).unwrap(), repositories);
    let last = server.seen().pop().unwrap();
    assert_eq!(last.target, "/new/r.git/git-upload-pack");

    let login = Server::start(repositories.path(), |seen| match seen.target.as_str() {
        "/login" => answer("200 OK", "content-type: text/html\r\n", b"<html>"),
        _ => redirect("/login"),
    });
    let ways = Ways::new(standing_for(&login.url()));
    let want = "redirects to what is no repository";
    ways.check_refused(REPOSITORY, UpstreamClass::Unreachable, want);
}

#[test]
fn questions_themselves_are_never_redirected() {
    let repositories = Repositories::shared();
    let server = Server::start(repositories.path(), |seen| match seen.method.as_str() {
        "POST" => redirect("/elsewhere"),
        _ => Said::Backend(None),
    });
    let ways = Ways::new(standing_for(&server.url()));
    let mut session = ways.open(REPOSITORY).unwrap();
    let error = code_of(session.list_refs(&[]).unwrap_err());
    assert!(error.text.contains("redirects a question"), "{error}");
    assert!(server.seen().iter().all(|seen| seen.target != "/elsewhere"));
}

#[test]
fn credentials_stay_with_their_host() {
    let repositories = Repositories::shared();
    let other = Server::start(repositories.path(), |_| Said::Backend(None));
    let elsewhere = other.url();
    let server = Server::start(repositories.path(), move |seen| {
        match seen.header("authorization") {
            // me:pw
            Some("Basic bWU6cHc=") if seen.target.starts_with("/r.git") => Said::Backend(None),
            Some("Basic bWU6cHc=") => redirect(&format!(
                "{elsewhere}r.git/info/refs?service=git-upload-pack"
            )),
            _ => answer("401 Unauthorized", "", b""),
        }
    });
    let mut with_file = standing_for(&server.url());
    with_file.secrets = Secrets::parse(format!("{} me pw", server.address).as_bytes()).unwrap();
    let with_url = standing_for(&server.url().replace("http://", "http://me:pw@"));
    for settings in [with_file.clone(), with_url] {
        let ways = Ways::new(settings);
        check_conversation(&mut ways.open(REPOSITORY).unwrap(), repositories);
    }
    with_file.secrets = Secrets::parse(format!("{} me wrong", server.address).as_bytes()).unwrap();
    let want = "does not accept the credentials";
    Ways::new(with_file.clone()).check_refused(REPOSITORY, UpstreamClass::Forbidden, want);

    with_file.secrets = Secrets::parse(format!("{} me pw", server.address).as_bytes()).unwrap();
    let mut config = OutsideConfig::new("0.0.0", "https://example.com/granary", "test");
    config.allow = AllowList::new(["127.0.0.1"]).unwrap();
    let ways = Ways::over(&config, with_file);
    check_conversation(
        &mut ways.open("https://code.test/moved").unwrap(),
        repositories,
    );
    assert!(!other.seen().is_empty());
    assert!(
        other
            .seen()
            .iter()
            .all(|seen| seen.header("authorization").is_none())
    );
}

#[test]
fn strangers_are_asked_over_http_only_where_that_is_allowed() {
    let repositories = Repositories::shared();
    let server = Server::start(repositories.path(), |_| Said::Backend(None));
    let url = format!("{}r.git", server.url());
    let refused = UpstreamClass::Forbidden;
    Ways::new(RemoteSettings::default()).check_refused(&url, refused, "not asked over http:");
    let insecure = RemoteSettings {
        insecure: "127.0.0.1/r.git".parse::<PrivatePatterns>().unwrap(),
        secrets: Secrets::parse(format!("{} me pw", server.address).as_bytes()).unwrap(),
        ..RemoteSettings::default()
    };
    let unreachable = UpstreamClass::Unreachable;
    Ways::new(insecure.clone()).check_refused(&url, unreachable, "a loopback address");
    assert!(server.seen().is_empty());

    let mut config = OutsideConfig::new("0.0.0", "https://example.com/granary", "test");
    config.allow = AllowList::new(["127.0.0.1"]).unwrap();
    let ways = Ways::over(&config, insecure);
    check_conversation(&mut ways.open(&url).unwrap(), repositories);
    // Nobody on the way is to read a password.
    assert!(
        server
            .seen()
            .iter()
            .all(|seen| seen.header("authorization").is_none())
    );
}

#[test]
fn servers_are_reached_as_the_configuration_says() {
    let repositories = Repositories::shared();
    let proxy = Server::start(repositories.path(), |seen| {
        match seen.target.strip_prefix("http://behind.example") {
            Some(target) => Said::Moved(target.to_owned()),
            None => answer("502 Bad Gateway", "", b""),
        }
    });
    let mut settings = standing_for("http://behind.example/");
    let text = format!(
        "[http \"http://behind.example\"]\n proxy = {}\n\
         [http \"https://missing.example\"]\n sslCAInfo = /missing.pem\n\
         [http \"https://empty.example\"]\n sslCAInfo = /empty.pem\n\
         [http \"https://socks.example\"]\n proxy = socks5://h\n",
        proxy.address
    );
    settings
        .config
        .extend(GitConfig::parse(text.as_bytes()).unwrap());
    settings.roots.insert("/empty.pem".to_owned(), Vec::new());
    let ways = Ways::new(settings);
    check_conversation(&mut ways.open(REPOSITORY).unwrap(), repositories);
    assert!(!proxy.seen().is_empty());
    let broken = UpstreamClass::Storage;
    ways.check_refused(
        "https://missing.example/r",
        broken,
        "/missing.pem could not be read",
    );
    ways.check_refused(
        "https://empty.example/r",
        broken,
        "/empty.pem holds no certificate",
    );
    ways.check_refused(
        "https://socks.example/r",
        broken,
        "is not the URL of an http",
    );
}

#[test]
fn answers_that_are_none_are_errors() {
    let repositories = Repositories::shared();
    let broken = "HTTP/1.1 200 OK\r\ncontent-type: application/x-git-upload-pack-result\r\n\
        content-length: 1000\r\n\r\n000dpackfile\n";
    let large = answer(
        "200 OK",
        "content-type: application/x-git-upload-pack-result\r\n",
        &[b"000dpackfile\n".to_vec(), b"fff0\x01".repeat(300_000)].concat(),
    );
    let Said::Raw(large) = large else { return };
    let page = answer("200 OK", "content-type: text/html\r\n", b"<html>");
    let Said::Raw(page) = page else { return };
    for (bytes, want) in [
        (broken.as_bytes().to_vec(), "broke off"),
        (large, "more than the 1048576 bytes"),
        (page, "with something else"),
    ] {
        let server = Server::start(repositories.path(), move |seen| {
            match seen.method.as_str() {
                "POST" => Said::Raw(bytes.clone()),
                _ => Said::Backend(None),
            }
        });
        let ways = Ways::new(standing_for(&server.url()));
        let mut session = ways.open(REPOSITORY).unwrap();
        let error = fetch(&mut session, repositories.commits[0]).unwrap_err();
        let FetchError::Protocol(error) = error else {
            panic!("the taker was blamed: {error}");
        };
        let error = code_of(error);
        assert!(error.text.contains(want), "{error} does not say {want:?}");
    }
}
