//! The table of settings: every key with its default and what it does. One row a key; nothing reads a value here.

/// One setting that the file, a `GRANARY_…` variable or a flag can give.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// Name in the TOML file; dots are tables. The variable is `GRANARY_` + the name in capitals, dots as `_`.
    pub name: &'static str,
    /// What holds when nobody says otherwise; empty means "found out at start", as the help says.
    pub default: &'static str,
    /// Whether the value may hold a credential: never shown, and `<variable>_FILE` names a file that holds it.
    pub secret: bool,
    /// What it does, with its unit and its values.
    pub help: &'static str,
}

const fn key(name: &'static str, default: &'static str, help: &'static str) -> Key {
    Key {
        name,
        default,
        secret: false,
        help,
    }
}

const fn secret(name: &'static str, default: &'static str, help: &'static str) -> Key {
    Key {
        name,
        default,
        secret: true,
        help,
    }
}

/// All settings, in the order in which `granary config show` prints them.
pub const KEYS: &[Key] = &[
    key(
        "listen",
        "127.0.0.1:3000",
        "addresses to listen on, comma separated; loopback unless told otherwise",
    ),
    key(
        "data",
        "",
        "folder for everything that is kept (default: granary in the user's data folder)",
    ),
    key(
        "profile",
        "private",
        "private (a team's own) or public (hosting for the world)",
    ),
    key(
        "public_url",
        "",
        "address under which clients reach this server; may have a path (default: the first listener)",
    ),
    key(
        "trusted_proxies",
        "",
        "addresses or networks whose X-Forwarded-For and X-Request-Id are believed",
    ),
    secret(
        "database",
        "",
        "where the catalog lives: sqlite in the data folder, or postgres://user:password@host/name",
    ),
    key(
        "store",
        "",
        "where the artifacts live: file:///folder (default: the data folder)",
    ),
    secret(
        "upstream",
        "",
        "GOPROXY list to capture from (default: the one that go itself is set to use)",
    ),
    key(
        "goprivate",
        "",
        "patterns of private module paths, as GOPRIVATE (default: go's own setting)",
    ),
    key(
        "gonoproxy",
        "",
        "patterns never asked of an upstream, as GONOPROXY (default: goprivate)",
    ),
    key(
        "gonosumdb",
        "",
        "patterns never asked of a checksum database, as GONOSUMDB (default: goprivate)",
    ),
    key(
        "private_read",
        "",
        "who may read modules of the private patterns (goprivate): open, or token for holders of a token that may read them (default: open in profile private, token in public)",
    ),
    key(
        "public_stages",
        "",
        "stages before the last one that everyone may read, comma separated; the others take a token",
    ),
    key(
        "sumdb",
        "sum.golang.org",
        "checksum database as in GOSUMDB: name, name+key, 'name+key url', or off",
    ),
    key(
        "sumdb_absent",
        "refuse",
        "a public module of which the database has no record: refuse or allow",
    ),
    key(
        "sumdb_also",
        "",
        "further databases that clients may reach through this server: name+key or 'name+key url', comma separated",
    ),
    key(
        "capture.zips",
        "all",
        "all: the zip of every captured version follows at low priority; asked: only zips that someone asks for",
    ),
    key("capture.workers", "64", "captures that run at once"),
    key(
        "disk.reserve",
        "auto",
        "captures stop while less than this is free on the file systems of the data folder and of the store, e.g. 2GiB; auto: a twentieth of each, at most 512MiB; 0: they stop only when a write fails",
    ),
    key(
        "stages",
        "dev:policy, staging, prod",
        "views that versions pass through, in order, each with the gates to be passed before the next: policy, approval (joined by +); the last one is served",
    ),
    key(
        "on_miss",
        "capture",
        "a version that is not here: capture (it is fetched and judged while the client waits), request (behind; the client is told), off",
    ),
    key(
        "refusal",
        "redundancy",
        "not judged yet / refused: redundancy (404 / 403), gatekeeper (503 / 403: nothing gets around the gates), advisory (404 / 404)",
    ),
    key(
        "gate_mods",
        "no",
        "yes: gates hold back .info and .mod too, which breaks builds that only select among versions",
    ),
    key(
        "policy.folder",
        "",
        "folder of your own policies (default: policies in the data folder, once it is there); read again when it changes",
    ),
    key(
        "policy.cooldown",
        "0s",
        "how long a version must have been known here before it is admitted, e.g. 7d; 0s: no time",
    ),
    key(
        "policy.allow",
        "",
        "if not empty: patterns of module paths that alone are admitted, comma separated",
    ),
    key(
        "policy.deny",
        "",
        "patterns of module paths that are refused, comma separated; with @version behind it, that version",
    ),
    key(
        "policy.zip_max",
        "0",
        "largest module zip that is admitted, e.g. 100MiB; 0: as large as Go allows",
    ),
    key(
        "list.fresh",
        "60s",
        "a version list younger than this is answered without asking the upstream",
    ),
    key(
        "list.stale_max",
        "1h",
        "a version list younger than this is answered at once and refreshed behind",
    ),
    key(
        "client_wait",
        "60s",
        "how long a go client waits for something that is being captured",
    ),
    key(
        "scrub.period",
        "7d",
        "every stored file is read and checked again once in this time, at low priority",
    ),
    key(
        "origin.allow",
        "",
        "hosts or networks that may be contacted although private, comma separated",
    ),
    key("origin.per_host", "64", "requests in flight to one host"),
    key(
        "origin.timeout",
        "60s",
        "bound on one request for a small file; zips are bounded by a minimum rate instead",
    ),
    key(
        "origin.use_git_config",
        "auto",
        "on: url.*.insteadOf, http.*.sslCAInfo and http.*.proxy of this user's git configuration and the .netrc hold for repositories; off; auto: on where all listeners are loopback",
    ),
    key(
        "origin.insecure",
        "",
        "patterns of module paths whose repositories may be asked over plain http, as GOINSECURE (default: go's own setting)",
    ),
    key(
        "origin.govcs",
        "",
        "which version control may be used for which paths, as GOVCS (default: go's own setting)",
    ),
    key(
        "origin.ssh",
        "off",
        "on: repositories whose address is ssh:// are asked with the keys of this user; off",
    ),
    key(
        "origin.secrets",
        "",
        "file with a line `host user password` for every host of private repositories; read at start",
    ),
    key(
        "vcs.cache_max",
        "10GiB",
        "disk for the caches of repositories below <data>/vcs; those used longest ago go first",
    ),
    key(
        "vcs.memory",
        "64MiB",
        "memory for contents that versions built from version control share",
    ),
    key(
        "tls.cert",
        "",
        "certificate chain (PEM) to serve https with; re-read when it changes",
    ),
    key("tls.key", "", "private key (PEM) of the certificate"),
    key("cache.memory", "32MiB", "memory for hot answers"),
    key("connections_max", "10000", "connections open at once"),
    key(
        "threads",
        "0",
        "threads that answer clients; 0 is one a core",
    ),
    key(
        "drain",
        "2s",
        "time between turning unready and closing the listeners on SIGTERM",
    ),
    key(
        "log.level",
        "info",
        "error, warn, info, debug, trace, or a filter such as granary=debug",
    ),
    key(
        "log.format",
        "auto",
        "auto (for people on a terminal, JSON otherwise), text or json",
    ),
];

impl Key {
    /// The environment variable of this key, e.g. `GRANARY_LIST_FRESH`.
    pub fn variable(&self) -> String {
        format!("GRANARY_{}", self.name.to_uppercase().replace('.', "_"))
    }
}

/// Finds a key by its name in the file.
pub fn find_key(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|k| k.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn names_and_variables_are_unique() {
        let names: HashSet<_> = KEYS.iter().map(|k| k.name).collect();
        let variables: HashSet<_> = KEYS.iter().map(Key::variable).collect();
        assert_eq!((names.len(), variables.len()), (KEYS.len(), KEYS.len()));
    }

    #[test]
    fn the_variable_is_capitals_with_underscores() {
        assert_eq!(
            find_key("list.stale_max").unwrap().variable(),
            "GRANARY_LIST_STALE_MAX"
        );
    }
}
