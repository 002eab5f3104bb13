//! `/sumdb/<name>/…`: checksum databases passed on to clients that have no other way to them.
//!
//! Only databases on the list are known. What never changes (lookup answers, full tiles) is kept; the rest is a job. The
//! client verifies everything itself, so nothing here could make it believe a wrong hash.

use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use catalog::work::{self, Refusal, RefusalClass, SumdbAnswer, SumdbAsk};
use gomod::hash::ContentDigest;
use gomod::path::ModulePath;
use gomod::version::{ModuleVersion, Version};
use queue::Durability;
use tlog::tile::{Tile, TileLevel};

use crate::answer::{Error, TEXT};
use crate::entry::{Draft, Entry, Keep};
use crate::front::{Front, Work, catalog_trouble};
use crate::metrics::Class;
use crate::negatives::Negative;

/// A signed head is new every few seconds; nobody needs it newer than this.
const LATEST_KEEP: Duration = Duration::from_secs(5);
/// A partial tile is asked for as long as the tree has its size.
const PARTIAL_KEEP: Duration = Duration::from_secs(600);

/// What is asked of a database.
#[derive(Debug)]
enum Request {
    Supported,
    Latest,
    Lookup(ModuleVersion),
    Tile(Tile),
}

/// Answers what follows `/sumdb/`.
pub(crate) async fn pass(front: &Front, rest: &str, may_fetch: bool) -> Result<Arc<Entry>, Error> {
    let (database, path) = find_database(&front.config.databases, rest).ok_or_else(|| {
        Error::Unserved(
            "this checksum database is not passed on here; the go command asks it directly"
                .to_owned(),
        )
    })?;
    let request = parse_request(path)?;
    let hot_path = format!("/sumdb/{rest}");
    if let Some(entry) = front.hot.find_kept(&hot_path, Instant::now()) {
        return Ok(entry);
    }
    let keep = match &request {
        Request::Supported => Some(Bytes::new()),
        Request::Latest => None,
        Request::Lookup(of) => find_lookup(front, database, of).await?,
        Request::Tile(tile) => find_tile(front, database, tile).await,
    };
    let body = match keep {
        Some(body) => body,
        None if may_fetch => ask(front, database, path).await?,
        None => {
            let what = format!("{path} of {database}");
            return Err(Error::FetchForbidden { what });
        }
    };
    let entry = Arc::new(render(&request, body));
    front.hot.insert(&hot_path, entry.clone());
    Ok(entry)
}

/// The module whose record a path below `/sumdb/` asks for.
pub(crate) fn find_module(front: &Front, rest: &str) -> Option<ModulePath> {
    let (_, path) = find_database(&front.config.databases, rest)?;
    match parse_request(path) {
        Ok(Request::Lookup(of)) => Some(of.path().clone()),
        _ => None,
    }
}

/// Splits a path into the name of a known database (which may have slashes) and what is asked of it.
fn find_database<'a>(known: &'a [String], rest: &'a str) -> Option<(&'a str, &'a str)> {
    known
        .iter()
        .filter_map(|name| {
            let path = rest.strip_prefix(name.as_str())?.strip_prefix('/')?;
            Some((name.as_str(), path))
        })
        .max_by_key(|(name, _)| name.len())
}

fn parse_request(path: &str) -> Result<Request, Error> {
    let malformed = |error: &dyn std::fmt::Display| {
        Error::Unserved(format!("malformed request {path:?}: {error}"))
    };
    if let Some(lookup) = path.strip_prefix("lookup/") {
        let (module, version) = lookup
            .rsplit_once('@')
            .ok_or_else(|| malformed(&"a lookup is of <module>@<version>"))?;
        let module = ModulePath::from_escaped(module).map_err(|error| malformed(&error))?;
        let version = Version::from_escaped(version).map_err(|error| malformed(&error))?;
        let of = ModuleVersion::new(module, version).map_err(|error| malformed(&error))?;
        return Ok(Request::Lookup(of));
    }
    match path {
        "supported" => Ok(Request::Supported),
        "latest" => Ok(Request::Latest),
        tile if tile.starts_with("tile/") => tile
            .parse()
            .map(Request::Tile)
            .map_err(|error| malformed(&error)),
        _ => Err(malformed(
            &"a database has supported, latest, lookup and tile",
        )),
    }
}

async fn find_lookup(
    front: &Front,
    database: &str,
    of: &ModuleVersion,
) -> Result<Option<Bytes>, Error> {
    if front.config.private.is_match(of.path().as_str()) {
        return Err(Error::Forbidden(format!(
            "{}: this path is private here, its checksums are not asked for outside\n\
             add it to GONOSUMDB (or GOPRIVATE) on your machine too",
            of.path()
        )));
    }
    let found = front.catalog.find_record(database, of).await;
    Ok(found
        .map_err(|cause| catalog_trouble(of, cause))?
        .map(Bytes::from))
}

/// A tile out of the cache. The cache is not synced to disk, so a tile may be torn after a power loss; what is torn has
/// the wrong length or a stretch of zeros, and goes the long way, where it is verified and mended.
async fn find_tile(front: &Front, database: &str, tile: &Tile) -> Option<Bytes> {
    if tile.level() == TileLevel::Data {
        return None;
    }
    let bytes = front
        .store
        .get_tile(database, &tile.to_string())
        .await
        .ok()??;
    let torn = bytes
        .chunks(tlog::tile::HASH_BYTES)
        .any(|hash| hash.iter().all(|byte| *byte == 0));
    (!torn && tile.check_length(&bytes).is_ok()).then_some(bytes)
}

async fn ask(front: &Front, database: &str, path: &str) -> Result<Bytes, Error> {
    let ask = SumdbAsk {
        database: database.to_owned(),
        path: path.to_owned(),
    };
    let job_id = ask.job_id();
    if let Some(Negative::Refused(refusal)) = front.negatives.find(&job_id, Instant::now()) {
        return Err(Error::Refused(refusal));
    }
    let work = Work {
        what: format!("{path} of {database}"),
        kind: work::SUMDB,
        job_id: job_id.clone(),
        payload: &ask,
        durability: Durability::Fleeting,
    };
    match front.ask(&work, front.config.client_wait).await? {
        Ok(SumdbAnswer::Body { base64 }) => {
            STANDARD
                .decode(base64)
                .map(Bytes::from)
                .map_err(|cause| Error::Broken {
                    what: work.what,
                    cause: cause.into(),
                })
        }
        Ok(SumdbAnswer::Refused(refusal)) => {
            if refusal.class == RefusalClass::Absent {
                remember_absent(front, &job_id, path, refusal.clone());
            }
            Err(Error::Refused(refusal))
        }
        Err(waited) => Err(waited.into_error(&work.what)),
    }
}

/// A record that is not there now may be there as soon as somebody asks again; a remembered refusal belongs to a module.
fn remember_absent(front: &Front, job_id: &str, path: &str, refusal: Refusal) {
    if let Ok(Request::Lookup(of)) = parse_request(path) {
        front.negatives.remember(
            job_id,
            of.path(),
            Negative::Refused(refusal),
            Instant::now(),
        );
    }
}

fn render(request: &Request, body: Bytes) -> Entry {
    let (content_type, keep) = match request {
        Request::Supported => (TEXT, Some(PARTIAL_KEEP)),
        Request::Latest => (TEXT, Some(LATEST_KEEP)),
        Request::Lookup(_) => (TEXT, None),
        Request::Tile(tile) if tile.is_full() => ("application/octet-stream", None),
        Request::Tile(_) => ("application/octet-stream", Some(PARTIAL_KEEP)),
    };
    Entry::render(Draft {
        class: Class::Sumdb,
        content_type,
        keep: keep.map_or(Keep::Immutable, |keep| Keep::Seconds(keep.as_secs())),
        tag: ContentDigest::of(&body).to_string(),
        last_modified: None,
        body,
        mapped: false,
        gzip: false,
        until: keep.map(|keep| Instant::now() + keep),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_known_name_counts() {
        let known = [
            "sum.example.com".to_owned(),
            "sum.example.com/v2".to_owned(),
        ];
        let find = |rest| find_database(&known, rest);
        assert_eq!(
            find("sum.example.com/latest"),
            Some(("sum.example.com", "latest"))
        );
        assert_eq!(
            find("sum.example.com/v2/latest"),
            Some(("sum.example.com/v2", "latest"))
        );
        assert_eq!(find("sum.example.com.evil/latest"), None);
        assert_eq!(find("sum.example.com"), None);
        assert_eq!(find("sum.example.org/latest"), None);
        assert_eq!(find(""), None);
    }

    #[track_caller]
    fn check_refused(path: &str) {
        assert!(
            matches!(parse_request(path), Err(Error::Unserved(_))),
            "{path}"
        );
    }

    #[test]
    fn requests_are_held_to_their_form() {
        assert!(matches!(parse_request("supported"), Ok(Request::Supported)));
        assert!(matches!(parse_request("latest"), Ok(Request::Latest)));
        assert!(matches!(
            parse_request("lookup/example.com/!up@v1.1.0"),
            Ok(Request::Lookup(_))
        ));
        assert!(matches!(
            parse_request("tile/8/0/x001/234"),
            Ok(Request::Tile(_))
        ));
        assert!(matches!(
            parse_request("tile/8/0/000.p/1"),
            Ok(Request::Tile(_))
        ));
        assert!(matches!(
            parse_request("tile/8/data/000"),
            Ok(Request::Tile(_))
        ));
        for path in [
            "",
            "Supported",
            "latest/",
            "lookup/",
            "lookup/example.com/m",
            "lookup/example.com/m@",
            "lookup/example.com/m@master",
            "lookup/example.com/M@v1.0.0",
            "lookup/../x@v1.0.0",
            "lookup/example.com/m@v2.0.0",
            "lookup/example.com/m@v1.0.0/go.mod",
            "tile/",
            "tile/8/0/1234",
            "tile/8/0/000.p/0",
            "tile/8/0/000.p/256",
            "tile/8/0/000.p/300",
            "tile/9/0/000",
            "tile/8/-1/000",
            "tile/8/0/../../x",
            "tile/8/99/000",
        ] {
            check_refused(path);
        }
    }
}
