//! Modules with everything their builds need: the requirement graph by minimal version selection, with pruning. A build
//! of them, and whatever `go mod tidy` then asks for, finds its files here.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use catalog::work::{
    CaptureAnswer, GetAnswer, GetAsk, HealFile, ListAnswer, Refusal, RefusalClass, ResolveAnswer,
    ResolveAsk,
};
use futures_util::StreamExt;
use futures_util::stream;
use gomod::graph::{self, Step, Summary};
use gomod::modfile;
use gomod::path::ModulePath;
use gomod::version::{ModuleVersion, Version};
use origin::latest::{GoMods, choose_latest};
use queue::{JobContext, Priority, Progress, Queue};

use crate::discovery::resolve::LATEST;
use crate::jobs::{submit_capture, submit_zip};
use crate::processor::Processor;

/// Captures in flight for one request; the workers bound what really runs.
const IN_FLIGHT: usize = 48;

/// How much of a version is captured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Act {
    /// `.info` and go.mod.
    GoMod,
    /// The zip too.
    Zip,
}

/// Walks requirement graphs.
#[derive(Clone)]
pub struct Closure {
    /// Resolves queries and reads what is stored.
    pub processor: Processor,
    /// Captures go through it, so that they coalesce with those of others.
    pub queue: Queue,
}

impl Closure {
    /// Captures what the queries name, every go.mod of the graph, and (if asked) the zips of the build list.
    pub async fn get(&self, ask: &GetAsk, context: &JobContext) -> GetAnswer {
        let mut answer = GetAnswer::default();
        for query in &ask.queries {
            report(context, 0, 0, format!("resolving {query}"));
            if let Some(module) = query.strip_suffix("@all") {
                self.get_all(module, ask.zips, &mut answer, context).await;
                continue;
            }
            match self.root_of(query).await {
                Ok(root) => answer.roots.push(root),
                Err(refusal) => answer.missing.push((query.clone(), refusal)),
            }
        }
        let graph = self.walk(&mut answer, context).await;
        if !graph.complete {
            let text = "its graph is larger than is followed here: part of it was left out";
            let roots: Vec<String> = answer.roots.iter().map(ToString::to_string).collect();
            let refusal = Refusal::new(RefusalClass::Invalid, text);
            answer.missing.push((roots.join(" "), refusal));
        }
        answer.go_mods = graph.go_mods.len() as u64;
        answer.selected = graph.build_list.len() as u64;
        if ask.zips {
            // What was asked for by its version is wanted even where the graph selects a higher one.
            let mut wanted: BTreeSet<ModuleVersion> = graph.build_list.into_iter().collect();
            wanted.extend(answer.roots.iter().cloned());
            self.capture(Act::Zip, wanted, &mut answer, context).await;
        }
        answer
    }

    /// Every version that the module's list names, without what they depend on.
    async fn get_all(
        &self,
        module: &str,
        zips: bool,
        answer: &mut GetAnswer,
        context: &JobContext,
    ) {
        let path: ModulePath = match module.parse() {
            Ok(path) => path,
            Err(cause) => {
                let refusal = Refusal::new(RefusalClass::Invalid, format!("{module}: {cause}"));
                return answer.missing.push((format!("{module}@all"), refusal));
            }
        };
        let versions = match self.processor.list_versions(&path).await {
            ListAnswer::Versions(versions) => versions,
            ListAnswer::Refused(refusal) => {
                return answer.missing.push((format!("{module}@all"), refusal));
            }
        };
        answer.all.push((path.clone(), versions.len() as u64));
        report(
            context,
            0,
            versions.len() as u64,
            format!("fetching {module}"),
        );
        self.processor.upstreams.expect(&path, &versions).await;
        let wanted = versions
            .into_iter()
            .filter_map(|version| ModuleVersion::new(path.clone(), version).ok())
            .collect();
        let act = if zips { Act::Zip } else { Act::GoMod };
        self.capture(act, wanted, answer, context).await;
    }

    /// `module@query`; without a query the latest.
    async fn root_of(&self, query: &str) -> Result<ModuleVersion, Refusal> {
        let (path, version) = query.split_once('@').unwrap_or((query, LATEST));
        let invalid =
            |cause: String| Refusal::new(RefusalClass::Invalid, format!("{query}: {cause}"));
        let module: ModulePath = path.parse().map_err(|cause| invalid(format!("{cause}")))?;
        if let Ok(version) = version.parse::<Version>() {
            return ModuleVersion::new(module, version)
                .map_err(|cause| invalid(format!("{cause}")));
        }
        gomod::escape::escape_version(version).map_err(|cause| invalid(format!("{cause}")))?;
        if version == LATEST
            && let Some(found) = self.latest_of_list(&module).await
        {
            return Ok(found);
        }
        match self
            .processor
            .resolve(&ResolveAsk {
                module: module.clone(),
                query: version.to_owned(),
            })
            .await
        {
            ResolveAnswer::Found { version, .. } => {
                ModuleVersion::new(module, version).map_err(|cause| invalid(format!("{cause}")))
            }
            ResolveAnswer::Refused(refusal) => Err(refusal),
        }
    }

    /// The latest of the upstream's list, as `go` chooses it before it asks `@latest`.
    async fn latest_of_list(&self, module: &ModulePath) -> Option<ModuleVersion> {
        let ListAnswer::Versions(versions) = self.processor.list_versions(module).await else {
            return None;
        };
        let chosen = choose_latest(
            module,
            versions,
            &CapturedGoMods {
                closure: self,
                module,
            },
        )
        .await?;
        ModuleVersion::new(module.clone(), chosen).ok()
    }

    async fn walk(&self, answer: &mut GetAnswer, context: &JobContext) -> graph::Graph {
        let mut known: HashMap<ModuleVersion, Option<Arc<Summary>>> = HashMap::new();
        loop {
            let needed = match graph::walk_all(&answer.roots, &known) {
                Step::Done(graph) => return graph,
                Step::Need(needed) => needed,
            };
            let total = (known.len() + needed.len()) as u64;
            let mut done = known.len() as u64;
            let mut found = stream::iter(needed)
                .map(|of| self.summary_of(of))
                .buffer_unordered(IN_FLIGHT);
            while let Some((of, summary)) = found.next().await {
                done += 1;
                report(context, done, total, of.to_string());
                let summary = summary
                    .map_err(|refusal| answer.missing.push((of.to_string(), refusal)))
                    .ok();
                known.insert(of, summary);
            }
        }
    }

    async fn summary_of(
        &self,
        of: ModuleVersion,
    ) -> (ModuleVersion, Result<Arc<Summary>, Refusal>) {
        let summary = self.read_summary(&of).await;
        (of, summary)
    }

    async fn read_summary(&self, of: &ModuleVersion) -> Result<Arc<Summary>, Refusal> {
        let bytes = self.read_go_mod(of).await?;
        let file = modfile::parse_lax(&format!("{of}/go.mod"), &bytes);
        let file = file.map_err(|cause| {
            Refusal::new(
                RefusalClass::Invalid,
                format!("{of}: its go.mod cannot be read: {cause}"),
            )
        })?;
        Ok(Arc::new(Summary::from_lax(&file)))
    }

    /// Captures a version and gives its go.mod.
    async fn read_go_mod(&self, of: &ModuleVersion) -> Result<Bytes, Refusal> {
        let trouble = |cause: String| Refusal::new(RefusalClass::Storage, format!("{of}: {cause}"));
        match submit_capture(&self.queue, of, Priority::Request).await {
            CaptureAnswer::Landed => {}
            CaptureAnswer::Passed { refusal, .. } | CaptureAnswer::Refused(refusal) => {
                return Err(refusal);
            }
        }
        let stored = self
            .processor
            .catalog
            .find_stored(of)
            .await
            .map_err(|cause| trouble(cause.to_string()))?;
        let stored = stored.ok_or_else(|| trouble("landed and gone again".to_owned()))?;
        let blob = self.processor.open_whole(&stored, HealFile::GoMod).await?;
        Ok(blob.bytes())
    }

    async fn capture(
        &self,
        act: Act,
        wanted: BTreeSet<ModuleVersion>,
        answer: &mut GetAnswer,
        context: &JobContext,
    ) {
        let total = wanted.len() as u64;
        let mut done = 0;
        let captures = wanted.into_iter().map(|of| {
            let queue = self.queue.clone();
            async move {
                let answer = match act {
                    Act::GoMod => submit_capture(&queue, &of, Priority::Request).await,
                    Act::Zip => submit_zip(&queue, &of, Priority::Request).await,
                };
                (of, answer)
            }
        });
        let mut captures = stream::iter(captures).buffer_unordered(IN_FLIGHT);
        while let Some((of, outcome)) = captures.next().await {
            done += 1;
            report(context, done, total, of.to_string());
            if let CaptureAnswer::Refused(refusal) | CaptureAnswer::Passed { refusal, .. } = outcome
            {
                let name = of.to_string();
                if !answer.missing.iter().any(|(known, _)| *known == name) {
                    answer.missing.push((name, refusal));
                }
            }
        }
    }
}

fn report(context: &JobContext, done: u64, total: u64, line: String) {
    context.report(Progress { done, total, line });
}

/// The go.mod files of an upstream's versions, captured when they are read.
struct CapturedGoMods<'a> {
    closure: &'a Closure,
    module: &'a ModulePath,
}

#[async_trait]
impl GoMods for CapturedGoMods<'_> {
    async fn read(&self, version: &Version) -> Option<Bytes> {
        let of = ModuleVersion::new(self.module.clone(), version.clone()).ok()?;
        self.closure.read_go_mod(&of).await.ok()
    }
}
