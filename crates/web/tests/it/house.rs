//! A server with its keepers in a temporary folder, and a pipeline that answers as the test says.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use catalog::work::{
    self, CaptureAnswer, ListAnswer, Refusal, RefusalClass, ResolveAnswer, SumdbAnswer,
};
use catalog::{Catalog, NewMod, StoredZip, Verification};
use gomod::hash::{ContentDigest, H1, hash_go_mod};
use gomod::version::ModuleVersion;
use jiff::Timestamp;
use queue::{Handler, Job, JobContext, Outcome, Progress, Queue};
use serde::Serialize;
use store::Store;
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use web::{Bound, Front, FrontConfig, ListenerConfig};

use crate::client::{Client, Reply};

/// What a job does when it runs.
#[derive(Clone)]
pub enum Deed {
    /// Ends with this answer.
    Say(Vec<u8>),
    /// Lands the version with its zip, then says so.
    Land(ModuleVersion),
    /// Ends like this.
    End(Outcome),
}

/// The pipeline of a test.
#[derive(Default)]
pub struct Script {
    deeds: Mutex<HashMap<String, Deed>>,
    runs: Mutex<HashMap<String, usize>>,
    delay: Mutex<Duration>,
}

impl Script {
    pub fn set(&self, job_id: &str, deed: Deed) {
        self.deeds.lock().unwrap().insert(job_id.to_owned(), deed);
    }

    pub fn say(&self, job_id: &str, answer: impl Serialize) {
        self.set(job_id, Deed::Say(serde_json::to_vec(&answer).unwrap()));
    }

    pub fn list(&self, module: &str, versions: &[&str]) {
        let versions = versions
            .iter()
            .map(|version| version.parse().unwrap())
            .collect();
        self.say(
            &format!("list:main/{module}"),
            ListAnswer::Versions(versions),
        );
    }

    pub fn resolve(&self, module: &str, query: &str, version: &str) {
        let found = ResolveAnswer::Found {
            version: version.parse().unwrap(),
            info: info_of(version),
        };
        self.say(&format!("resolve:main/{module}@{query}"), found);
    }

    pub fn refuse(&self, job_id: &str, class: RefusalClass, text: &str) {
        let refusal = Refusal::new(class, text);
        match job_id.split(':').next().unwrap() {
            work::LIST => self.say(job_id, ListAnswer::Refused(refusal)),
            work::RESOLVE => self.say(job_id, ResolveAnswer::Refused(refusal)),
            work::SUMDB => self.say(job_id, SumdbAnswer::Refused(refusal)),
            _ => self.say(job_id, CaptureAnswer::Refused(refusal)),
        }
    }

    pub fn set_delay(&self, delay: Duration) {
        *self.delay.lock().unwrap() = delay;
    }

    pub fn runs(&self, job_id: &str) -> usize {
        self.runs.lock().unwrap().get(job_id).copied().unwrap_or(0)
    }

    pub fn all_runs(&self) -> usize {
        self.runs.lock().unwrap().values().sum()
    }
}

/// Runs jobs of every kind by the script; what it does not know does not exist.
struct Actor {
    script: Arc<Script>,
    keepers: Keepers,
}

#[async_trait]
impl Handler for Actor {
    async fn run(&self, job: &Job, context: &JobContext) -> Outcome {
        let id = job.id.as_str().to_owned();
        *self
            .script
            .runs
            .lock()
            .unwrap()
            .entry(id.clone())
            .or_default() += 1;
        context.report(Progress {
            done: 1,
            total: 3,
            line: "asking the upstream".into(),
        });
        let delay = *self.script.delay.lock().unwrap();
        tokio::time::sleep(delay).await;
        let deed = self.script.deeds.lock().unwrap().get(&id).cloned();
        match deed {
            Some(Deed::Say(answer)) => Outcome::Done(answer.into()),
            Some(Deed::End(outcome)) => outcome,
            Some(Deed::Land(of)) => {
                self.keepers.land(&of).await;
                Outcome::Done(serde_json::to_vec(&CaptureAnswer::Landed).unwrap().into())
            }
            None => {
                let refusal = Refusal::new(RefusalClass::Absent, format!("{id}: not found"));
                let answer = match job.kind.as_str() {
                    work::LIST => serde_json::to_vec(&ListAnswer::Refused(refusal)),
                    work::RESOLVE => serde_json::to_vec(&ResolveAnswer::Refused(refusal)),
                    work::SUMDB => serde_json::to_vec(&SumdbAnswer::Refused(refusal)),
                    _ => serde_json::to_vec(&CaptureAnswer::Refused(refusal)),
                };
                Outcome::Done(answer.unwrap().into())
            }
        }
    }
}

/// An operation that says what it was told, in two lines; told nothing, it is none.
struct Echo;

impl web::control::Operations for Echo {
    fn start(
        &self,
        operation: bytes::Bytes,
        _: Option<web::SocketUser>,
    ) -> Result<tokio::sync::mpsc::Receiver<bytes::Bytes>, String> {
        if operation.is_empty() {
            return Err("nothing to do".into());
        }
        let (send, receive) = tokio::sync::mpsc::channel(1);
        tokio::spawn(async move {
            for _ in 0..2 {
                let _ = send.send(operation.clone()).await;
            }
        });
        Ok(receive)
    }
}

/// Catalog and store.
#[derive(Clone)]
pub struct Keepers {
    pub catalog: Catalog,
    pub store: Store,
}

pub fn info_of(version: &str) -> String {
    format!("{{\"Version\":\"{version}\",\"Time\":\"2021-03-04T05:06:07Z\"}}")
}

/// Long enough to be worth compressing.
pub fn mod_of(of: &ModuleVersion) -> String {
    let mut text = format!("module {}\n\ngo 1.21\n\nrequire (\n", of.path());
    for number in 0..60 {
        text.push_str(&format!(
            "\texample.com/dependency/number{number} v1.{number}.0\n"
        ));
    }
    text + ")\n"
}

/// 200,000 bytes, different for every version: a mapped blob.
pub fn zip_of(of: &ModuleVersion) -> Vec<u8> {
    let text = of.to_string();
    text.bytes().cycle().take(200_000).collect()
}

impl Keepers {
    /// Lands a version with its zip.
    pub async fn land(&self, of: &ModuleVersion) {
        self.land_mod(of).await;
        self.land_zip(of, zip_of(of)).await;
    }

    pub async fn land_mod(&self, of: &ModuleVersion) {
        self.land_mod_as(of, &mod_of(of)).await;
    }

    pub async fn land_mod_as(&self, of: &ModuleVersion, go_mod: &str) {
        let info = info_of(of.version().as_str());
        let go_mod = go_mod.to_owned();
        let new = NewMod {
            module: of.clone(),
            view: "prod".into(),
            info: self.store.put_small(info.clone().into()).await.unwrap(),
            info_size: info.len() as u64,
            go_mod: self.store.put_small(go_mod.clone().into()).await.unwrap(),
            mod_size: go_mod.len() as u64,
            mod_h1: hash_go_mod(go_mod.as_bytes()),
            zip_h1_expected: None,
            time: Some("2021-03-04T05:06:07Z".parse().unwrap()),
            verified: Verification::Off,
            by: "test".into(),
            why: "test".into(),
        };
        self.catalog.land_mod(new).await.unwrap();
    }

    pub async fn land_zip(&self, of: &ModuleVersion, bytes: Vec<u8>) {
        let mut staged = self.store.stage().await.unwrap();
        let size = bytes.len() as u64;
        let digest = ContentDigest::of(&bytes);
        staged.write_chunk(bytes.into()).await.unwrap();
        assert_eq!(self.store.publish(staged).await.unwrap(), digest);
        let h1 = H1::from_bytes(*digest.as_bytes());
        self.catalog
            .land_zip(of, StoredZip { digest, size, h1 })
            .await
            .unwrap();
    }

    pub async fn know_list(&self, module: &str, versions: &[&str], age: Duration) {
        let versions: Vec<String> = versions
            .iter()
            .map(|version| (*version).to_owned())
            .collect();
        let seen_at = Timestamp::now() - jiff::SignedDuration::try_from(age).unwrap();
        self.catalog
            .save_list(&module.parse().unwrap(), &versions, seen_at)
            .await
            .unwrap();
    }

    pub async fn know_resolution(&self, module: &str, query: &str, version: &str, age: Duration) {
        let seen_at = Timestamp::now() - jiff::SignedDuration::try_from(age).unwrap();
        let info = info_of(version);
        let version = version.parse().unwrap();
        let module = module.parse().unwrap();
        self.catalog
            .save_resolution(&module, query, &version, info.as_bytes(), seen_at)
            .await
            .unwrap();
    }
}

/// A running server.
pub struct House {
    pub address: SocketAddr,
    pub keepers: Keepers,
    pub script: Arc<Script>,
    pub front: Arc<Front>,
    pub folder: TempDir,
    stop: Option<oneshot::Sender<()>>,
    served: Option<JoinHandle<()>>,
}

impl House {
    pub async fn open() -> Self {
        Self::open_with(|_| {}).await
    }

    pub async fn open_with(change: impl FnOnce(&mut FrontConfig)) -> Self {
        Self::open_at(change, |_| {
            vec![ListenerConfig::Tcp(([127, 0, 0, 1], 0).into())]
        })
        .await
    }

    pub async fn open_at(
        change: impl FnOnce(&mut FrontConfig),
        listeners: impl FnOnce(PathBuf) -> Vec<ListenerConfig>,
    ) -> Self {
        let folder = TempDir::new().unwrap();
        let url = format!("sqlite:{}", folder.path().join("catalog.db").display());
        let keepers = Keepers {
            catalog: Catalog::open(&url).await.unwrap(),
            store: Store::open_local(&folder.path().join("store"), &folder.path().join("staging"))
                .unwrap(),
        };
        let script = Arc::new(Script::default());
        let queue = Queue::open("memory").await.unwrap();
        let actor = Arc::new(Actor {
            script: script.clone(),
            keepers: keepers.clone(),
        });
        for kind in [
            work::CAPTURE,
            work::ZIP,
            work::LIST,
            work::RESOLVE,
            work::SUMDB,
            work::HEAL,
        ] {
            queue.register(kind, 8, actor.clone());
        }
        queue.start().await;
        let mut config = FrontConfig {
            instance_id: "granary-test-1".into(),
            threads: 2,
            drain_delay: Duration::from_millis(50),
            follow_every: Duration::from_millis(50),
            ..FrontConfig::default()
        };
        change(&mut config);
        let front = Front::new(
            keepers.catalog.clone(),
            keepers.store.clone(),
            queue,
            config,
        );
        let bound = Bound::bind(listeners(folder.path().to_owned()))
            .await
            .unwrap();
        let address = bound
            .addresses()
            .first()
            .copied()
            .unwrap_or(([127, 0, 0, 1], 0).into());
        let (stop, stopped) = oneshot::channel::<()>();
        let control = web::control::router("/v1/control/echo", Arc::new(Echo));
        let serving = bound.serve(front.clone(), control, async move {
            let _ = stopped.await;
        });
        let serving = Box::pin(serving);
        let served = tokio::spawn(async move { serving.await.unwrap() });
        Self {
            address,
            keepers,
            script,
            front,
            folder,
            stop: Some(stop),
            served: Some(served),
        }
    }

    pub async fn client(&self) -> Client {
        Client::connect(self.address).await
    }

    pub async fn get(&self, path: &str) -> Reply {
        self.client().await.get(path).await
    }

    pub async fn ask(&self, method: &str, path: &str, headers: &str) -> Reply {
        self.client().await.ask(method, path, headers).await
    }

    pub async fn land(&self, of: &str) -> ModuleVersion {
        let of: ModuleVersion = of.parse().unwrap();
        self.keepers.land(&of).await;
        of
    }

    /// Asks the server to go down; does not wait for it.
    pub fn stop(&mut self) {
        self.stop.take().unwrap().send(()).unwrap();
    }

    /// Waits until the server is down.
    pub async fn stopped(&mut self) {
        self.served.take().unwrap().await.unwrap();
    }
}
