//! File descriptors: how many this process may have, and how many of them its clients may take. Whatever clients do, some
//! are left for captures, the databases and the store.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::config::Config;

/// What the process needs beside captures: databases, packs of repositories, the log, connections kept for upstreams.
const OWN: u64 = 256;

/// What one capture holds at most: connections for `.info`, `.mod` and the record, and the file that it writes.
const PER_CAPTURE: u64 = 4;

/// Most files of the store that are kept open for hot zips.
const OPEN_FILES_MAX: u64 = 256;

/// The limit in force, and how it is shared out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Descriptors {
    /// How many the process may have; `None` where there is no limit.
    pub limit: Option<u64>,
    /// Connections that the configuration asks for.
    pub connections_asked: usize,
    /// Connections of clients at once: as many, or what fits.
    pub connections_max: usize,
    /// Files of the store kept open.
    pub open_files_max: usize,
    /// The limit under which everything that was asked for fits.
    pub wanted: u64,
}

impl Descriptors {
    /// Shares a limit out between `connections_asked` clients and `captures` at once.
    fn share(limit: Option<u64>, connections_asked: usize, captures: usize) -> Self {
        let own = OWN + PER_CAPTURE * captures as u64 + OPEN_FILES_MAX;
        let asked = connections_asked as u64;
        let available = limit.unwrap_or(u64::MAX);
        // Under a limit that is much too low both sides get half of it.
        let for_clients = available - own.min(available / 2);
        Self {
            limit,
            connections_asked,
            connections_max: asked.min(for_clients).max(1) as usize,
            open_files_max: OPEN_FILES_MAX.min(available / 8) as usize,
            wanted: own + asked,
        }
    }

    /// Whether fewer connections fit than were asked for.
    pub fn is_short(&self) -> bool {
        self.connections_max < self.connections_asked
    }

    /// What to do when they do not fit.
    pub fn advice(&self) -> String {
        format!(
            "raise the limit of open files to {wanted} (systemd: LimitNOFILE={wanted}, a shell: ulimit -n {wanted}), or set \
             connections_max = {fits}",
            wanted = self.wanted,
            fits = self.connections_max
        )
    }
}

/// The limit that holds once it is raised as far as this process may raise it.
///
/// Every process may do that; the lower soft limit is there for programs that use `select`, which nothing here does.
pub fn raise(config: &Config) -> Descriptors {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: maximum,
        maximum,
    };
    let limit = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => maximum,
        Err(_) => current,
    };
    Descriptors::share(limit, config.connections_max, config.capture_workers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_share(limit: Option<u64>, connections_max: usize, open_files_max: usize) {
        let shared = Descriptors::share(limit, 10_000, 64);
        assert_eq!(
            (shared.connections_max, shared.open_files_max),
            (connections_max, open_files_max),
            "{limit:?}"
        );
        assert_eq!(shared.wanted, 10_768);
        assert_eq!(shared.is_short(), connections_max < 10_000);
    }

    #[test]
    fn clients_leave_descriptors_for_captures() {
        check_share(None, 10_000, 256);
        check_share(Some(1 << 20), 10_000, 256);
        check_share(Some(10_768), 10_000, 256);
        check_share(Some(10_767), 9_999, 256);
        check_share(Some(1_024), 512, 128);
        check_share(Some(64), 32, 8);
        check_share(Some(0), 1, 0);
    }
}
