//! The hot map: answers by request path, ready to be sent. A hit touches no keeper, no queue and no router.
//!
//! Keys are paths in one spelling (`!` escapes, no prefix, no percent signs), so that a client cannot fill the map with
//! spellings of one file. The budget is memory; mapped files count little. Only what the last stage serves to everyone is
//! in it.

use std::borrow::Cow;
use std::sync::Arc;
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

/// See the module.
#[derive(Debug)]
pub struct Hot {
    entries: Cache<Box<str>, Arc<Entry>, ByWeight>,
    prefix: Box<str>,
    /// `/r/<name of the last stage>`: the same as nothing.
    view: Box<str>,
    /// Modules that take a token to read: nobody is asked for one here, so they are not kept.
    closed: PrivatePatterns,
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

    /// Drops what may be different now that a version of the module has landed.
    pub fn drop_changing(&self, module: &ModulePath) {
        self.entries.remove::<str>(&hot_path(module, "@v/list"));
        self.entries.remove::<str>(&hot_path(module, "@latest"));
    }

    /// Drops everything about one version: it was withdrawn.
    pub fn drop_version(&self, of: &ModuleVersion) {
        for kind in [FileKind::Info, FileKind::GoMod, FileKind::Zip] {
            self.entries.remove::<str>(&hot_file_path(of, kind));
        }
        self.drop_changing(of.path());
    }

    /// Drops every answer made from this blob: it has rotted, and what is mapped or open of it may have too. Looks at every
    /// entry.
    pub fn drop_blob(&self, digest: &ContentDigest) {
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
