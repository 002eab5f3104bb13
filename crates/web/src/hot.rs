//! The hot map: answers by request path, ready to be sent. A hit touches no keeper, no queue and no router.
//!
//! Keys are paths in one spelling (`!` escapes, no prefix, no percent signs), so that a client cannot fill the map with
//! spellings of one file. The budget is memory; mapped files count little. Only what the last stage serves to everyone is
//! in it.

use std::borrow::Cow;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use gomod::hash::ContentDigest;
use gomod::path::ModulePath;
use gomod::private::PrivatePatterns;
use gomod::version::ModuleVersion;
use quick_cache::Weighter;
use quick_cache::sync::Cache;

use crate::entry::Entry;
use crate::target::{FileKind, hot_file_path, hot_path};

/// Entries the map makes room for at first; it grows as needed.
const ENTRIES_AT_START: usize = 1024;

/// Counters of what was dropped; modules that share one cost each other an entry now and then.
const COUNTERS: usize = 256;

/// A moment before the keepers were asked. What was dropped since then may be in an answer that was made from what they
/// said, so that one is not kept.
#[derive(Clone, Copy, Debug)]
pub struct Mark {
    dropped: Dropped,
    counter: usize,
    seen: u64,
}

/// What an answer is about that may be dropped.
#[derive(Clone, Copy, Debug)]
enum Dropped {
    /// A version's file: when it is withdrawn.
    Files,
    /// A list, or what a query leads to: when anything of the module lands or is withdrawn.
    Changing,
}

/// See the module.
#[derive(Debug)]
pub struct Hot {
    entries: Cache<Box<str>, Arc<Entry>, ByWeight>,
    prefix: Box<str>,
    /// `/r/<name of the last stage>`: the same as nothing.
    view: Box<str>,
    /// Modules that take a token to read: nobody is asked for one here, so they are not kept.
    closed: PrivatePatterns,
    files_dropped: Box<[AtomicU64]>,
    changing_dropped: Box<[AtomicU64]>,
    blobs_dropped: AtomicU64,
}

#[derive(Clone, Debug)]
struct ByWeight;

impl Weighter<Box<str>, Arc<Entry>> for ByWeight {
    fn weight(&self, key: &Box<str>, entry: &Arc<Entry>) -> u64 {
        key.len() as u64 + entry.weight()
    }
}

impl Hot {
    /// An empty map of `budget_bytes` for a server whose public path is `prefix` and whose last stage is `view`.
    pub fn new(budget_bytes: u64, prefix: &str, view: &str) -> Self {
        Self {
            entries: Cache::with_weighter(ENTRIES_AT_START, budget_bytes, ByWeight),
            prefix: prefix.into(),
            view: format!("/r/{view}").into(),
            closed: PrivatePatterns::default(),
            files_dropped: (0..COUNTERS).map(|_| AtomicU64::new(0)).collect(),
            changing_dropped: (0..COUNTERS).map(|_| AtomicU64::new(0)).collect(),
            blobs_dropped: AtomicU64::new(0),
        }
    }

    /// Keeps nothing about modules that match, whoever inserts it.
    pub fn without(mut self, closed: PrivatePatterns) -> Self {
        self.closed = closed;
        self
    }

    /// Finds the answer for a request path as it was sent.
    pub fn find(&self, raw_path: &str, now: Instant) -> Option<Arc<Entry>> {
        let mut path = raw_path;
        if !self.prefix.is_empty() {
            path = path.strip_prefix(&*self.prefix).unwrap_or(path);
        }
        path = path.strip_prefix(&*self.view).unwrap_or(path);
        self.find_kept(&one_spelling(path), now)
    }

    /// Finds the answer kept under a path in the one spelling. A percent sign in it is part of a name.
    pub fn find_kept(&self, path: &str, now: Instant) -> Option<Arc<Entry>> {
        let entry = self.entries.get::<str>(path)?;
        entry.is_fresh(now).then_some(entry)
    }

    /// Finds the answer kept under a path however old it is: what was known last, when nobody can be asked.
    pub fn find_last(&self, path: &str) -> Option<Arc<Entry>> {
        self.entries.get::<str>(path)
    }

    /// Keeps an answer under a path in the one spelling, unless it is about a closed module.
    pub fn insert(&self, path: &str, entry: Arc<Entry>) {
        let is_closed = |module: ModulePath| self.closed.is_match(module.as_str());
        if !self.closed.is_empty() && module_of(path).is_some_and(is_closed) {
            return;
        }
        self.entries.insert(path.into(), entry);
    }

    /// Now, for an answer about a file of a version of the module.
    pub fn mark_file(&self, module: &ModulePath) -> Mark {
        self.mark(Dropped::Files, module)
    }

    /// Now, for an answer about what the module has: its list, or what a query leads to.
    pub fn mark_changing(&self, module: &ModulePath) -> Mark {
        self.mark(Dropped::Changing, module)
    }

    fn mark(&self, dropped: Dropped, module: &ModulePath) -> Mark {
        let counter = counter_of(module);
        let seen = self.count_dropped(dropped, counter);
        Mark {
            dropped,
            counter,
            seen,
        }
    }

    fn count_dropped(&self, dropped: Dropped, counter: usize) -> u64 {
        let of_module = match dropped {
            Dropped::Files => &self.files_dropped,
            Dropped::Changing => &self.changing_dropped,
        };
        // Both only grow, so the sum is the same only if both are.
        of_module[counter].load(Ordering::SeqCst) + self.blobs_dropped.load(Ordering::SeqCst)
    }

    /// Whether anything was dropped since a moment.
    pub fn is_overtaken(&self, mark: Mark) -> bool {
        self.count_dropped(mark.dropped, mark.counter) != mark.seen
    }

    /// Keeps an answer that was made from what the keepers said after a moment, unless that was dropped meanwhile.
    pub fn insert_since(&self, mark: Mark, path: &str, entry: Arc<Entry>) {
        self.insert(path, entry);
        // Who drops counts first: either it finds the entry, or its count is seen here.
        if self.is_overtaken(mark) {
            self.entries.remove::<str>(path);
        }
    }

    /// Drops what may be different now that a version of the module has landed.
    pub fn drop_changing(&self, module: &ModulePath) {
        self.changing_dropped[counter_of(module)].fetch_add(1, Ordering::SeqCst);
        self.entries.remove::<str>(&hot_path(module, "@v/list"));
        self.entries.remove::<str>(&hot_path(module, "@latest"));
    }

    /// Drops everything about one version: it was withdrawn.
    pub fn drop_version(&self, of: &ModuleVersion) {
        self.files_dropped[counter_of(of.path())].fetch_add(1, Ordering::SeqCst);
        for kind in [FileKind::Info, FileKind::GoMod, FileKind::Zip] {
            self.entries.remove::<str>(&hot_file_path(of, kind));
        }
        self.drop_changing(of.path());
    }

    /// Drops every answer made from this blob: it has rotted, and what is mapped or open of it may have too. Looks at every
    /// entry.
    pub fn drop_blob(&self, digest: &ContentDigest) {
        self.blobs_dropped.fetch_add(1, Ordering::SeqCst);
        let tag = format!("\"{digest}\"");
        self.entries
            .retain(|_, entry| entry.plain.tag.as_bytes() != tag.as_bytes());
    }

    /// Drops everything.
    pub fn clear(&self) {
        self.entries.clear();
    }

    /// What the entries weigh together, in bytes.
    pub fn weight(&self) -> u64 {
        self.entries.weight()
    }
}

fn counter_of(module: &ModulePath) -> usize {
    let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(module.as_str());
    usize::try_from(hash % COUNTERS as u64).unwrap_or_default()
}

/// The module that a path is about: a file of it, its list, its latest version, or a record of a checksum database.
fn module_of(path: &str) -> Option<ModulePath> {
    let rest = path.strip_prefix('/')?;
    let escaped = match rest.strip_prefix("sumdb/") {
        Some(below) => below.split_once("/lookup/")?.1.rsplit_once('@')?.0,
        None => rest.rsplit_once("/@")?.0,
    };
    ModulePath::from_escaped(escaped).ok()
}

/// The go client sends `%21` for `!`; it is the only escape that a path in the map can have.
fn one_spelling(path: &str) -> Cow<'_, str> {
    if path.contains('%') {
        return Cow::Owned(path.replace("%21", "!"));
    }
    Cow::Borrowed(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::{Draft, Keep};
    use crate::metrics::Class;

    fn entry(until: Option<Instant>) -> Arc<Entry> {
        Arc::new(Entry::render(Draft {
            class: Class::Info,
            content_type: "application/json",
            keep: Keep::Immutable,
            tag: "t".into(),
            last_modified: None,
            body: "{}".into(),
            mapped: false,
            gzip: false,
            until,
        }))
    }

    #[test]
    fn every_spelling_finds_the_one_entry() {
        let hot = Hot::new(1 << 20, "/go", "prod");
        let now = Instant::now();
        hot.insert("/github.com/!burnt!sushi/toml/@v/v1.0.0.info", entry(None));
        for path in [
            "/github.com/!burnt!sushi/toml/@v/v1.0.0.info",
            "/github.com/%21burnt%21sushi/toml/@v/v1.0.0.info",
            "/github.com/%21burnt!sushi/toml/@v/v1.0.0.info",
            "/r/prod/github.com/!burnt!sushi/toml/@v/v1.0.0.info",
            "/go/r/prod/github.com/%21burnt%21sushi/toml/@v/v1.0.0.info",
            "/go/github.com/!burnt!sushi/toml/@v/v1.0.0.info",
        ] {
            assert!(hot.find(path, now).is_some(), "{path}");
        }
        for path in [
            "/github.com/!burnt!sushi/toml/@v/v1.0.0.mod",
            "/r/dev/github.com/!burnt!sushi/toml/@v/v1.0.0.info",
            "/github.com/%2521burnt!sushi/toml/@v/v1.0.0.info",
            "github.com/!burnt!sushi/toml/@v/v1.0.0.info",
            "",
        ] {
            assert!(hot.find(path, now).is_none(), "{path}");
        }
    }

    #[test]
    fn an_answer_is_not_kept_when_what_it_is_about_was_dropped_while_it_was_made() {
        let hot = Hot::new(1 << 20, "", "prod");
        let of: ModuleVersion = "example.com/m@v1.0.0".parse().unwrap();
        let (zip, list) = ("/example.com/m/@v/v1.0.0.zip", "/example.com/m/@v/list");
        let keeps = |path: &str, mark: Mark, meanwhile: &dyn Fn()| {
            hot.clear();
            meanwhile();
            hot.insert_since(mark, path, entry(None));
            hot.find(path, Instant::now()).is_some()
        };
        let (file, changing) = (|| hot.mark_file(of.path()), || hot.mark_changing(of.path()));
        assert!(keeps(zip, file(), &|| {}));
        assert!(keeps(list, changing(), &|| {}));
        assert!(!keeps(zip, file(), &|| hot.drop_version(&of)));
        assert!(!keeps(list, changing(), &|| hot.drop_version(&of)));
        assert!(!keeps(list, changing(), &|| hot.drop_changing(of.path())));
        // A landing makes no file another one.
        assert!(keeps(zip, file(), &|| hot.drop_changing(of.path())));
        let digest = ContentDigest::of(b"rotten");
        assert!(!keeps(zip, file(), &|| hot.drop_blob(&digest)));
    }

    #[test]
    fn a_percent_sign_in_a_name_is_no_escape() {
        let hot = Hot::new(1 << 20, "", "prod");
        let now = Instant::now();
        hot.insert("/example.com/m/@v/!a.info", entry(None));
        assert!(hot.find("/example.com/m/@v/%21a.info", now).is_some());
        assert!(hot.find_kept("/example.com/m/@v/%21a.info", now).is_none());
    }

    #[test]
    fn closed_modules_are_never_kept() {
        let hot =
            Hot::new(1 << 20, "", "prod").without("*.corp.example,github.com/Org".parse().unwrap());
        let now = Instant::now();
        for (path, want) in [
            ("/git.corp.example/m/@v/v1.0.0.info", false),
            ("/git.corp.example/m/@v/list", false),
            ("/git.corp.example/m/@latest", false),
            ("/git.corp.example/m/@v/feature/x.info", false),
            ("/github.com/!org/m/v2/@v/v2.0.0.zip", false),
            (
                "/sumdb/sum.example.com/lookup/git.corp.example/m@v1.0.0",
                false,
            ),
            ("/sumdb/sum.example.com/lookup/example.com/m@v1.0.0", true),
            ("/sumdb/sum.example.com/latest", true),
            ("/sumdb/sum.example.com/tile/8/0/000", true),
            ("/github.com/org/m/@v/list", true),
            ("/example.com/m/@latest", true),
        ] {
            hot.insert(path, entry(None));
            assert_eq!(hot.find(path, now).is_some(), want, "{path}");
        }
    }

    #[test]
    fn stale_entries_are_not_found() {
        let hot = Hot::new(1 << 20, "", "prod");
        let now = Instant::now();
        hot.insert("/example.com/m/@v/list", entry(Some(now)));
        assert!(hot.find("/example.com/m/@v/list", now).is_none());
    }

    #[test]
    fn a_landing_drops_what_changes_and_a_withdrawal_all() {
        let hot = Hot::new(1 << 20, "", "prod");
        let now = Instant::now();
        let of: ModuleVersion = "example.com/m@v1.0.0".parse().unwrap();
        for file in ["@v/list", "@latest", "@v/v1.0.0.zip", "@v/v1.0.1.zip"] {
            hot.insert(&format!("/example.com/m/{file}"), entry(None));
        }
        let has = |file: &str| hot.find(&format!("/example.com/m/{file}"), now).is_some();
        hot.drop_changing(of.path());
        assert!(!has("@v/list") && !has("@latest") && has("@v/v1.0.0.zip"));
        hot.drop_version(&of);
        assert!(!has("@v/v1.0.0.zip") && has("@v/v1.0.1.zip"));
    }

    #[test]
    fn the_budget_holds() {
        let hot = Hot::new(1 << 20, "", "prod");
        for number in 0..20_000 {
            hot.insert(&format!("/example.com/m{number}/@v/list"), entry(None));
        }
        assert!(hot.weight() <= 1 << 20, "{}", hot.weight());
    }
}
