//! One test a lie: what somebody between us and the database, or the database itself, may answer.

use super::*;

/// A log large enough that most tiles are full and hang two below the edge.
fn large() -> MemoryLog {
    log(66_000)
}

fn tampered(bytes: Bytes, at: usize) -> Answer {
    let mut bytes = bytes.to_vec();
    bytes[at] ^= 1;
    Ok(bytes.into())
}

/// Changes the answers to some paths.
fn on(
    is_it: impl Fn(&str) -> bool + Send + Sync + 'static,
    change: impl Fn(Bytes) -> Answer + Send + Sync + 'static,
) -> impl Fn(&str, Answer) -> Answer + Send + Sync + 'static {
    move |path, honest| if is_it(path) { change(honest?) } else { honest }
}

fn is_lookup(path: &str) -> bool {
    path.starts_with("lookup/")
}

/// Changes the text of a look-up's answer.
fn rewritten(
    from: &'static str,
    to: impl Into<String>,
) -> impl Fn(&str, Answer) -> Answer + Send + Sync + 'static {
    let to = to.into();
    on(is_lookup, move |body| {
        let body = String::from_utf8(body.to_vec()).unwrap();
        assert!(body.contains(from), "{body}");
        Ok(body.replacen(from, &to, 1).into())
    })
}

async fn lookup(
    log: MemoryLog,
    lie: impl Fn(&str, Answer) -> Answer + Send + Sync + 'static,
) -> Result<VerifiedRecord, DatabaseError> {
    client(&Wire::lying(log, lie)).lookup(&module(1)).await
}

#[tokio::test]
async fn a_wrong_tile() {
    for path in [
        "tile/8/0/000",
        "tile/8/1/000",
        "tile/8/2/000.p/1",
        "tile/8/1/001.p/1",
        "tile/8/0/257.p/208",
    ] {
        check_lying(
            lookup(
                large(),
                on(move |asked| asked == path, |bytes| tampered(bytes, 5)),
            )
            .await,
        );
    }
}

/// CVE-2026-56865: tiles that fit each other and the forged record, but not their parent.
#[tokio::test]
async fn a_wrong_parent() {
    let mut forged = large();
    let record = Record::of_module(1, &module(1), &hashes(9)).unwrap();
    let text = record.text().to_owned();
    // The forger's tiles 0 of the levels 0 and 1, of a log with the forged record in the place of the honest one.
    let mut other = MemoryLog::new(signer());
    other.append(forged.find_record(0).unwrap().text()).unwrap();
    other.append(&text).unwrap();
    for n in 2..forged.size() {
        other.append(forged.find_record(n).unwrap().text()).unwrap();
    }
    forged.name(&module(1), 1);
    for levels in 1..=2 {
        let other_tile = |level: u8| {
            let tile = Tile::new(TileLevel::Hashes(level), 0, 256).unwrap();
            Bytes::from(other.find_tile(&tile).unwrap())
        };
        let tiles: Vec<Bytes> = (0..levels).map(other_tile).collect();
        let text = text.clone();
        let lie = move |path: &str, honest: Answer| {
            if is_lookup(path) {
                let body = String::from_utf8(honest?.to_vec()).unwrap();
                let (_, note) = body.split_once("\n\n").unwrap();
                return Ok(format!("1\n{text}\n{note}").into());
            }
            match tiles
                .iter()
                .enumerate()
                .find(|(level, _)| path == format!("tile/8/{level}/000"))
            {
                Some((_, bytes)) => Ok(bytes.clone()),
                None => honest,
            }
        };
        check_lying(lookup(large(), lie).await);
    }
}

/// CVE-2026-56864: hashes beside an honest record of something else.
#[tokio::test]
async fn unrelated_hashes() {
    let forged = Record::of_module(0, &module(1), &hashes(9))
        .unwrap()
        .text()
        .to_owned();
    let log = log(3);
    let unrelated = log
        .find_record(2)
        .unwrap()
        .format_lookup(&log.latest().unwrap());
    let unrelated = String::from_utf8(unrelated).unwrap();
    for body in [
        unrelated.replacen("\n\n", &format!("\n\n{forged}\n"), 1),
        unrelated.replacen("\n\n", &format!("\n{forged}\n"), 1),
        unrelated.replacen("2\n", &format!("2\n{forged}"), 1),
        format!("{unrelated}{forged}"),
        format!("{unrelated}\n{forged}"),
        format!("{forged}{unrelated}"),
    ] {
        let lie = on(is_lookup, move |_| Ok(body.clone().into()));
        check_lying(lookup(self::log(3), lie).await);
    }
}

#[tokio::test]
async fn another_record() {
    let log = log(3);
    let body = Bytes::from(log.answer("lookup/example.com/m2@v1.0.0").unwrap());
    check_lying(lookup(log, on(is_lookup, move |_| Ok(body.clone()))).await);
}

#[tokio::test]
async fn another_records_number() {
    check_lying(lookup(log(3), rewritten("1\nexample.com", "2\nexample.com")).await);
}

#[tokio::test]
async fn another_version() {
    check_lying(lookup(log(3), rewritten("m1 v1.0.0 ", "m1 v1.0.1 ")).await);
    check_lying(lookup(log(3), rewritten("m1 v1.0.0/go.mod", "m1 v1.0.1/go.mod")).await);
}

#[tokio::test]
async fn another_hash() {
    let change = |n| {
        Record::of_module(1, &module(1), &hashes(n))
            .unwrap()
            .text()
            .to_owned()
    };
    let lie = on(is_lookup, move |body| {
        let body = String::from_utf8(body.to_vec()).unwrap();
        Ok(body.replace(&change(1), &change(9)).into())
    });
    check_lying(lookup(log(600), lie).await);
}

#[tokio::test]
async fn extra_lines() {
    let extra = "1\nexample.com/m1 v1.0.0 h1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n";
    check_lying(lookup(log(3), rewritten("1\n", extra)).await);
    check_lying(
        lookup(
            log(3),
            rewritten("\n\ngo.sum", "\nexample.com/x v1.0.0 h1:x\n\ngo.sum"),
        )
        .await,
    );
}

/// Even where the log itself holds such a record.
#[tokio::test]
async fn extra_lines_in_the_log() {
    let mut log = log(3);
    let text = log.find_record(1).unwrap().text().to_owned();
    let id = log
        .append(&format!("{text}example.com/x v1.0.0 h1:x\n"))
        .unwrap();
    log.name(&module(1), id);
    check_lying(lookup(log, |_, honest| honest).await);
}

#[tokio::test]
async fn another_notes_key() {
    let mut other = MemoryLog::new(Signer::generate("granary.test/db").unwrap());
    grow(&mut other, 3);
    check_lying(lookup(other, |_, honest| honest).await);
    let mut renamed = MemoryLog::new(Signer::from_seed("other.test/db", [7; 32]).unwrap());
    grow(&mut renamed, 3);
    check_lying(lookup(renamed, |_, honest| honest).await);
}

#[tokio::test]
async fn a_bad_signature() {
    check_lying(
        lookup(
            log(3),
            rewritten("database tree\n3\n", "database tree\n4\n"),
        )
        .await,
    );
}

#[tokio::test]
async fn no_signature() {
    let lie = on(is_lookup, |body| {
        let end = body.windows(2).rposition(|two| two == b"\n\n").unwrap();
        Ok(body.slice(..end + 2))
    });
    check_lying(lookup(log(3), lie).await);
}

#[tokio::test]
async fn a_tree_too_old_for_the_record() {
    let old = log(1).latest().unwrap();
    let body = log(3).find_record(1).unwrap().format_lookup(&old);
    check_lying(lookup(log(3), on(is_lookup, move |_| Ok(body.clone().into()))).await);
}

/// An older head is no lie, caches give it; it is proven to be a part of what is known.
#[tokio::test]
async fn an_older_tree() {
    let wire = Wire::honest(log(600));
    let client = client(&wire);
    client.lookup(&module(599)).await.unwrap();
    let old = log(300).latest().unwrap();
    wire.lie(on(is_lookup, move |body| {
        let body = String::from_utf8(body.to_vec()).unwrap();
        let (record, _) = body.split_once("\n\n").unwrap();
        Ok([record.as_bytes(), b"\n\n", &old].concat().into())
    }));
    let found = client.lookup(&module(7)).await.unwrap();
    assert_eq!((found.record_id, found.tree_size), (7, 600));
    assert_eq!(client.find_head().unwrap().size, 600);
    // But not older than the record.
    check_lying(client.lookup(&module(300)).await);
}

#[tokio::test]
async fn a_head_of_a_size_beyond_bounds() {
    for size in ["9223372036854775808", "18446744073709551617", "-1", "003"] {
        let text = log(3)
            .head()
            .to_string()
            .replace("\n3\n", &format!("\n{size}\n"));
        let note = String::from_utf8(sign(&text, &[&signer()]).unwrap()).unwrap();
        let body = log(3)
            .find_record(1)
            .unwrap()
            .format_lookup(note.as_bytes());
        check_lying(lookup(log(3), on(is_lookup, move |_| Ok(body.clone().into()))).await);
    }
}

/// The largest size there can be: asks for at most fifteen tiles, and ends.
#[tokio::test]
async fn a_head_of_the_largest_size() {
    let text = log(3)
        .head()
        .to_string()
        .replace("\n3\n", "\n9223372036854775807\n");
    let note = sign(&text, &[&signer()]).unwrap();
    let body = log(3).find_record(1).unwrap().format_lookup(&note);
    let zeros = move |path: &str, _| match path.parse::<Tile>() {
        Ok(tile) => Ok(vec![0; tile.size_bytes().unwrap()].into()),
        Err(_) => Ok(body.clone().into()),
    };
    let wire = Wire::lying(log(3), zeros);
    check_lying(client(&wire).lookup(&module(1)).await);
    assert_eq!(wire.take_asked().len(), 1 + 15);
}

#[tokio::test]
async fn a_truncated_answer() {
    let whole = log(3).answer("lookup/example.com/m1@v1.0.0").unwrap().len();
    for length in 0..whole {
        check_lying(lookup(log(3), on(is_lookup, move |body| Ok(body.slice(..length)))).await);
    }
}

#[tokio::test]
async fn a_truncated_tile() {
    for length in [0, 1, 31, 32, 95] {
        let lie = on(
            |path| path.starts_with("tile/"),
            move |bytes| Ok(bytes.slice(..length)),
        );
        check_lying(lookup(log(3), lie).await);
    }
}

#[tokio::test]
async fn a_huge_answer() {
    let filler = Bytes::from(vec![b'x'; LOOKUP_BYTES_MAX + 1]);
    check_lying(lookup(log(3), on(is_lookup, move |_| Ok(filler.clone()))).await);
    let long_note = format!("go.sum database tree\n{}", "x\n".repeat(400_000));
    check_lying(lookup(log(3), rewritten("go.sum database tree\n", long_note)).await);
}

#[tokio::test]
async fn a_huge_tile() {
    let filler = Bytes::from(vec![0; TILE_BYTES + 1]);
    check_lying(
        lookup(
            log(3),
            on(
                |path| path.starts_with("tile/"),
                move |_| Ok(filler.clone()),
            ),
        )
        .await,
    );
}

#[tokio::test]
async fn a_full_tile_in_the_place_of_a_partial_one() {
    let lie = on(
        |path| path == "tile/8/0/002.p/88",
        |bytes| Ok([&bytes[..], &bytes[..]].concat().into()),
    );
    check_lying(lookup(log(600), lie).await);
}

#[tokio::test]
async fn two_hundred_signatures() {
    let filler = "\u{2014} other.test AAAAAAA=\n".repeat(200);
    check_lying(
        lookup(
            log(3),
            on(is_lookup, move |body| {
                Ok([&body[..], filler.as_bytes()].concat().into())
            }),
        )
        .await,
    );
}

/// No lie leaves anything behind: the next honest answer is believed, and nothing forged was kept.
#[tokio::test]
async fn lies_are_not_remembered() {
    let keeper: Arc<MemoryKeeper> = Arc::default();
    let wire = Wire::lying(
        large(),
        on(|path| path == "tile/8/0/000", |bytes| tampered(bytes, 40)),
    );
    let client = client_with(&wire, &keeper);
    check_lying(client.lookup(&module(1)).await);
    assert_eq!(client.find_head(), None);
    assert!(HeadKeeper::load(&*keeper).await.unwrap().is_none());
    assert_eq!(TileKeeper::get(&*keeper, "tile/8/0/000").await, None);
    wire.lie(|_, honest| honest);
    assert_eq!(client.lookup(&module(1)).await.unwrap().record_id, 1);
}
