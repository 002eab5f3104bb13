//! git's protocol through a program: `git upload-pack` on this machine, or behind `ssh`.
//!
//! What the programs are told; how they run and end is [`super::running`]'s.

use std::ffi::OsString;
use std::io::{self, Read};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use git::protocol::{Wire, WireError};

use super::address::SshPlace;
use super::refused::failed;
use super::running::Running;
use super::settings::{RemoteBounds, SshSettings};
use crate::upstream::UpstreamClass;

/// How a program is started, as often as the conversation begins anew.
#[derive(Clone, Debug)]
pub(super) struct ProgramWire {
    program: PathBuf,
    arguments: Vec<OsString>,
    variables: Vec<(&'static str, String)>,
    shown: String,
    bounds: RemoteBounds,
}

/// A wire over a program, and the program where it runs.
#[derive(Debug)]
pub(super) struct StreamWire {
    how: ProgramWire,
    running: Option<Running>,
}

impl ProgramWire {
    /// `git upload-pack` on a path of this machine. Neither the machine's nor the user's configuration is read; the
    /// repository's own can start nothing in upload-pack. Who owns the folder does not matter, since nothing in it is
    /// run.
    pub(super) fn local(git: &Path, path: &Path, shown: &str, bounds: RemoteBounds) -> Self {
        let mut arguments: Vec<OsString> = Vec::new();
        for argument in ["-c", "safe.directory=*", "upload-pack", "--"] {
            arguments.push(argument.into());
        }
        arguments.push(path.into());
        Self {
            program: git.to_owned(),
            arguments,
            variables: vec![
                ("GIT_CONFIG_NOSYSTEM", "1".to_owned()),
                ("GIT_CONFIG_GLOBAL", "/dev/null".to_owned()),
                ("GIT_NO_LAZY_FETCH", "1".to_owned()),
                // Older ones know only this: whatever a repository's configuration names is not asked.
                ("GIT_ALLOW_PROTOCOL", "none".to_owned()),
            ],
            shown: shown.to_owned(),
            bounds,
        }
    }

    /// `ssh` to a place. `address` is dialled instead of the host's name where the name was looked up and judged before.
    pub(super) fn ssh(
        ssh: &SshSettings,
        place: &SshPlace,
        address: Option<IpAddr>,
        shown: &str,
        bounds: RemoteBounds,
    ) -> Self {
        let mut options = vec![
            "BatchMode=yes".to_owned(),
            "StrictHostKeyChecking=yes".to_owned(),
            "ForwardAgent=no".to_owned(),
            "ForwardX11=no".to_owned(),
            "ClearAllForwardings=yes".to_owned(),
            "PermitLocalCommand=no".to_owned(),
            "SendEnv=GIT_PROTOCOL".to_owned(),
            "ConnectTimeout=20".to_owned(),
            "ServerAliveInterval=20".to_owned(),
        ];
        if let Some(address) = address {
            options.push(format!("HostName={address}"));
            // The key is that of the name, whatever is dialled.
            options.push(match place.port {
                Some(port) => format!("HostKeyAlias=[{}]:{port}", place.host),
                None => format!("HostKeyAlias={}", place.host),
            });
        }
        if let Some(file) = &ssh.known_hosts {
            options.push(format!("UserKnownHostsFile={}", file.display()));
        }
        let mut arguments: Vec<OsString> = vec!["-T".into(), "-a".into(), "-x".into()];
        for option in options {
            arguments.extend(["-o".into(), option.into()]);
        }
        if let Some(key) = &ssh.key {
            arguments.extend(["-o".into(), "IdentitiesOnly=yes".into(), "-i".into()]);
            arguments.push(key.into());
        }
        if let Some(port) = place.port {
            arguments.extend(["-p".into(), port.to_string().into()]);
        }
        let whom = match &place.user {
            Some(user) => format!("{user}@{}", place.host),
            None => place.host.clone(),
        };
        arguments.extend([
            "--".into(),
            whom.into(),
            format!("git-upload-pack {}", quoted(&place.path)).into(),
        ]);
        Self {
            program: ssh.program.clone(),
            arguments,
            variables: Vec::new(),
            shown: shown.to_owned(),
            bounds,
        }
    }

    pub(super) fn wire(self) -> StreamWire {
        StreamWire {
            how: self,
            running: None,
        }
    }

    fn start(&self) -> io::Result<Running> {
        let mut command = Command::new(&self.program);
        command
            .args(&self.arguments)
            .env_clear()
            .env("LC_ALL", "C")
            .env("GIT_PROTOCOL", "version=2")
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .current_dir("/");
        Running::start(&mut command, &self.shown, self.bounds)
    }
}

impl Wire for StreamWire {
    fn greet(&mut self) -> Result<Box<dyn Read + '_>, WireError> {
        self.running = None;
        let running = self.running.insert(self.how.start()?);
        Ok(Box::new(running))
    }

    fn ask(&mut self, request: &[u8]) -> Result<Box<dyn Read + '_>, WireError> {
        let Some(running) = &mut self.running else {
            let what = "was asked before it was greeted";
            return Err(failed(UpstreamClass::Storage, &self.how.shown, what));
        };
        running.ask(request)?;
        Ok(Box::new(running))
    }

    fn is_stateless(&self) -> bool {
        false
    }
}

/// One word of the other side's shell. Source: git, `sq_quote_buf`, whose quoting restricted shells know.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("'");
    for character in text.chars() {
        match character {
            '\'' | '!' => {
                quoted.push_str("'\\");
                quoted.push(character);
                quoted.push('\'');
            }
            other => quoted.push(other),
        }
    }
    quoted.push('\'');
    quoted
}
