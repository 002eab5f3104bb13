//! What the operator decides about the way to repositories.

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use git::config::GitConfig;
use gomod::private::PrivatePatterns;

use super::secrets::Secrets;
use crate::outside::Pace;

/// Which ways to repositories there are. By default: https without credentials.
#[derive(Clone, Debug, Default)]
pub struct RemoteSettings {
    /// `url.<base>.insteadOf`. What it produces counts as configured by the operator: it may be any scheme that a program
    /// below stands ready for, anywhere, with user and password.
    pub config: GitConfig,
    /// PEM texts of the files that [`GitConfig::ssl_ca_files`] names, by path. Their roots are trusted besides the others.
    pub roots: HashMap<String, Vec<u8>>,
    /// Users and passwords.
    pub secrets: Secrets,
    /// Where credentials are put, in words for the operator: said where a server asks for some.
    pub secrets_hint: String,
    /// Hosts and paths (without scheme) that may be asked over plain http.
    pub insecure: PrivatePatterns,
    /// Path of the program `git`, for repositories on this machine; without it they are not read.
    pub git: Option<PathBuf>,
    /// Where that program finds its helpers, in the form of `PATH`.
    pub path: OsString,
    /// Whether `file://` URLs are read that no rewriting produced.
    pub is_file_open: bool,
    /// How ssh is used; without it, it is not.
    pub ssh: Option<SshSettings>,
    /// How long things may take and how large they may be.
    pub bounds: RemoteBounds,
}

/// How ssh is used.
#[derive(Clone, Debug)]
pub struct SshSettings {
    /// Path of the program `ssh`.
    pub program: PathBuf,
    /// The private key, where it is not ssh's own choice.
    pub key: Option<PathBuf>,
    /// The file of known hosts, where it is not ssh's own choice. Hosts that no such file knows are refused.
    pub known_hosts: Option<PathBuf>,
}

/// Bounds of one request to a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RemoteBounds {
    /// Longest time until an answer begins.
    pub answer_within: Duration,
    /// Longest time until its end.
    pub whole_within: Duration,
    /// How slow it may be. A server that counts objects gives little more than a sign of life every few seconds.
    pub pace: Pace,
    /// Largest answer.
    pub bytes_max: u64,
}

impl Default for RemoteBounds {
    /// A minute of silence, ten minutes in all, 4 GiB: the largest repositories of modules, fetched whole over a slow
    /// line, stay below.
    fn default() -> Self {
        Self {
            answer_within: Duration::from_secs(60),
            whole_within: Duration::from_secs(600),
            pace: Pace {
                silence_max: Duration::from_secs(60),
                window: Duration::from_secs(60),
                bytes_min: 64,
            },
            bytes_max: 4 << 30,
        }
    }
}
