//! Modules with everything their builds need: the requirement graph by minimal version selection, with pruning.

use std::collections::HashMap;
use std::sync::Arc;

use catalog::work::{CaptureAnswer, GetAnswer, GetAsk, Refusal, RefusalClass, ResolveAnswer, ResolveAsk};
use futures_util::StreamExt;
use futures_util::stream;
use gomod::graph::{self, Step, Summary};
use gomod::modfile;
use gomod::path::ModulePath;
use gomod::version::{ModuleVersion, Version};
use queue::{JobContext, Priority, Progress, Queue};

use crate::discovery::resolve::LATEST;
use crate::processor::Processor;
use crate::promotion::PROD;
use crate::jobs::{submit_capture, submit_zip};

/// Captures in flight for one request; the workers bound what really runs.
const IN_FLIGHT: usize = 48;

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
            match self.root_of(query).await {
                Ok(root) => answer.roots.push(root),
                Err(refusal) => answer.missing.push((query.clone(), refusal)),
            }
        }
        let graph = self.walk(&mut answer, context).await;
        answer.go_mods = graph.go_mods.len() as u64;
        answer.selected = graph.build_list.len() as u64;
        if ask.zips {
            self.capture_zips(&graph.build_list, &mut answer, context).await;
        }
        answer
    }

    /// `module@query`; without a query the latest.
    async fn root_of(&self, query: &str) -> Result<ModuleVersion, Refusal> {
        let (path, version) = query.split_once('@').unwrap_or((query, LATEST));
        let invalid = |cause: String| Refusal::new(RefusalClass::Invalid, format!("{query}: {cause}"));
        let module: ModulePath = path.parse().map_err(|cause| invalid(format!("{cause}")))?;
        if let Ok(version) = version.parse::<Version>() {
            return ModuleVersion::new(module, version).map_err(|cause| invalid(format!("{cause}")));
        }
        gomod::escape::escape_version(version).map_err(|cause| invalid(format!("{cause}")))?;
        if version == LATEST
            && let Some(found) = self.latest_of_list(&module).await
        {
            return Ok(found);
        }
        match self.processor.resolve(&ResolveAsk { module: module.clone(), query: version.to_owned() }).await {
            ResolveAnswer::Found { version, .. } => ModuleVersion::new(module, version).map_err(|cause| invalid(format!("{cause}"))),
            ResolveAnswer::Refused(refusal) => Err(refusal),
        }
    }

    /// The highest release of the upstream's list, else its highest pre-release, as `go` chooses before it asks `@latest`.
    async fn latest_of_list(&self, module: &ModulePath) -> Option<ModuleVersion> {
        let catalog::work::ListAnswer::Versions(mut versions) = self.processor.list_versions(module).await else { return None };
        versions.sort();
        let compatible = versions.iter().rev().find(|v| !v.is_prerelease() && !v.is_incompatible());
        let chosen = compatible.or_else(|| versions.iter().rev().find(|v| !v.is_prerelease())).or(versions.last())?;
        ModuleVersion::new(module.clone(), chosen.clone()).ok()
    }

    async fn walk(&self, answer: &mut GetAnswer, context: &JobContext) -> graph::Graph {
        let mut known: HashMap<ModuleVersion, Option<Arc<Summary>>> = HashMap::new();
        loop {
            let needed = match graph::walk(&answer.roots, &known) {
                Step::Done(graph) => return graph,
                Step::Need(needed) => needed,
            };
            let total = (known.len() + needed.len()) as u64;
            let mut done = known.len() as u64;
            let mut found = stream::iter(needed).map(|of| self.summary_of(of)).buffer_unordered(IN_FLIGHT);
            while let Some((of, summary)) = found.next().await {
                done += 1;
                report(context, done, total, of.to_string());
                let summary = summary.map_err(|refusal| answer.missing.push((of.to_string(), refusal))).ok();
                known.insert(of, summary);
            }
        }
    }

    async fn summary_of(&self, of: ModuleVersion) -> (ModuleVersion, Result<Arc<Summary>, Refusal>) {
        let summary = self.read_summary(&of).await;
        (of, summary)
    }

    async fn read_summary(&self, of: &ModuleVersion) -> Result<Arc<Summary>, Refusal> {
        let trouble = |cause: String| Refusal::new(RefusalClass::Storage, format!("{of}: {cause}"));
        match submit_capture(&self.queue, of, Priority::Request).await {
            CaptureAnswer::Landed => {}
            CaptureAnswer::Passed { refusal, .. } | CaptureAnswer::Refused(refusal) => return Err(refusal),
        }
        let stored = self.processor.catalog.find_version(PROD, of).await.map_err(|cause| trouble(cause.to_string()))?;
        let stored = stored.ok_or_else(|| trouble("landed and gone again".to_owned()))?;
        let blob = self.processor.store.open(&stored.go_mod).await.map_err(|cause| trouble(cause.to_string()))?;
        let file = modfile::parse_lax(&format!("{of}/go.mod"), &blob.bytes());
        let file = file.map_err(|cause| Refusal::new(RefusalClass::Invalid, format!("{of}: its go.mod cannot be read: {cause}")))?;
        Ok(Arc::new(Summary::from_lax(&file)))
    }

    async fn capture_zips(&self, build_list: &[ModuleVersion], answer: &mut GetAnswer, context: &JobContext) {
        let total = build_list.len() as u64;
        let mut done = 0;
        let captures = build_list.iter().cloned().map(|of| {
            let queue = self.queue.clone();
            async move {
                let answer = submit_zip(&queue, &of, Priority::Request).await;
                (of, answer)
            }
        });
        let mut captures = stream::iter(captures).buffer_unordered(IN_FLIGHT);
        while let Some((of, outcome)) = captures.next().await {
            done += 1;
            report(context, done, total, format!("{of} zip"));
            if let CaptureAnswer::Refused(refusal) | CaptureAnswer::Passed { refusal, .. } = outcome {
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
