//! What Granary answers over HTTP with `upstream=direct`, from a server and a data folder of its own.

use std::fs::File;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use gomod::escape;

use super::answer::{Answer, Files, Refusal, Zip};
use super::case::{Asked, Question};
use super::go_side::read_info;
use super::http;

/// A server that is not ready by then does not start at all.
const START_WAIT: Duration = Duration::from_secs(30);
const START_POLL: Duration = Duration::from_millis(50);

/// A running server; it ends with this value.
pub struct GranarySide {
    child: Child,
    address: SocketAddr,
}

impl GranarySide {
    /// Starts a server and waits until it is ready. Its log goes to `granary.log` in `folder`.
    ///
    /// # Errors
    /// Where it does not start; the end of its log is in the text.
    #[allow(clippy::disallowed_methods)] // nobody else waits for this thread, and readiness has no event
    pub fn start(program: &Path, folder: &Path, git_config: &Path) -> anyhow::Result<Self> {
        std::fs::create_dir_all(folder)?;
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let log_path = folder.join("granary.log");
        let log = File::create(&log_path)?;
        let mut command = Command::new(program);
        command
            .args(["serve", "--listen", &address.to_string(), "--data"])
            .arg(folder.join("data"));
        for set in [
            "upstream=direct",
            "sumdb=off",
            "origin.use_git_config=true",
            "origin.allow=127.0.0.1",
            "capture.zips=asked",
        ] {
            command.args(["--set", set]);
        }
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("GRANARY_")) {
            command.env_remove(name);
        }
        let child = command
            .env("HOME", folder)
            .env("GIT_CONFIG_GLOBAL", git_config)
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GOENV", "off")
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("starting {}", program.display()))?;
        let mut side = Self { child, address };
        let begun = Instant::now();
        while !http::get(address, "/readyz").is_ok_and(|r| r.status == 200) {
            let ended = side.child.try_wait()?.is_some();
            if ended || begun.elapsed() > START_WAIT {
                let text = std::fs::read_to_string(&log_path).unwrap_or_default();
                bail!("{} does not get ready:\n{text}", program.display());
            }
            std::thread::sleep(START_POLL);
        }
        Ok(side)
    }

    /// Answers one question.
    ///
    /// # Errors
    /// Where the server does not answer.
    pub fn ask(&self, question: &Question) -> anyhow::Result<Answer> {
        let list = question.asked == Asked::List;
        let refuse = |text: String| Answer::refused(list, Refusal { text, status: None });
        let module = match escape::escape_path(&question.module) {
            Ok(module) => module,
            Err(e) => return Ok(refuse(format!("cannot be asked for: {e}"))),
        };
        match &question.asked {
            Asked::List => Ok(Answer::List(self.get(&format!("/{module}/@v/list"))?.map(
                |body| {
                    let text = String::from_utf8_lossy(&body).into_owned();
                    let mut versions: Vec<String> = text.lines().map(str::to_owned).collect();
                    versions.sort();
                    versions
                },
            ))),
            Asked::Version(query) => match escape::escape_version(query) {
                Ok(escaped) => self.ask_as_client(&module, query, &escaped),
                Err(e) => Ok(refuse(format!("cannot be asked for: {e}"))),
            },
        }
    }

    /// Asks as a client does: for what is a version but not a canonical one, for the canonical one in the end.
    fn ask_as_client(&self, module: &str, query: &str, escaped: &str) -> anyhow::Result<Answer> {
        let answer = self.ask_version(module, query, escaped)?;
        let refused = matches!(&answer, Answer::Version(files) if files.info.is_err());
        match gomod::version::canonical_version(query) {
            Some(canonical) if refused && canonical != query => {
                match self.ask_version(module, &canonical, &canonical)? {
                    Answer::Version(files) if files.info.is_ok() => Ok(Answer::Version(files)),
                    _ => Ok(answer),
                }
            }
            _ => Ok(answer),
        }
    }

    fn ask_version(&self, module: &str, query: &str, escaped: &str) -> anyhow::Result<Answer> {
        let info = if query == "latest" {
            self.get(&format!("/{module}/@latest"))?
        } else {
            self.get(&format!("/{module}/@v/{escaped}.info"))?
        };
        let info = match info {
            Ok(body) => read_info(&body).map_err(|e| Refusal {
                text: format!("{e:#}: {}", String::from_utf8_lossy(&body)),
                status: Some(200),
            }),
            Err(refusal) => Err(refusal),
        };
        // Where the version is refused, its files must be, too: a canonical one can be asked for all the same.
        let version = match &info {
            Ok(info) => escape::escape_version(&info.version).unwrap_or_default(),
            Err(_) if gomod::version::canonical_version(query).as_deref() == Some(query) => {
                escaped.to_owned()
            }
            Err(refusal) => return Ok(Answer::refused(false, refusal.clone())),
        };
        let go_mod = self.get(&format!("/{module}/@v/{version}.mod"))?;
        let zip = self
            .get(&format!("/{module}/@v/{version}.zip"))?
            .and_then(|bytes| match gomod::zip::hash_zip_bytes(&bytes) {
                Ok(h1) => Ok(Zip {
                    h1: h1.to_string(),
                    bytes,
                }),
                Err(e) => Err(Refusal {
                    text: format!("a zip that cannot be read: {e}"),
                    status: Some(200),
                }),
            });
        Ok(Answer::Version(Box::new(Files { info, go_mod, zip })))
    }

    fn get(&self, path: &str) -> anyhow::Result<Result<Vec<u8>, Refusal>> {
        let response =
            http::get(self.address, path).with_context(|| format!("asking Granary for {path}"))?;
        if response.status == 200 {
            return Ok(Ok(response.body));
        }
        let text = String::from_utf8_lossy(&response.body).into_owned();
        let status = Some(response.status);
        Ok(Err(Refusal { text, status }))
    }
}

impl Drop for GranarySide {
    fn drop(&mut self) {
        // It may have ended by itself, which the questions have shown.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
