//! What is known of a candidate: read from its own files and from those of its module's newest version.

use std::io::{Cursor, Read};

use bytes::Bytes;
use catalog::work::{HealFile, Refusal, RefusalClass};
use catalog::{StoredVersion, Verification};
use gomod::info::Info;
use gomod::modfile::{self, ModFile};
use gomod::version::{ModuleVersion, find_speaker};
use gomod::zip::{Limits, PackedTree, Tree, ZipError};
use insight::licence::{self, LicenceText};
use jiff::Timestamp;

use crate::policy::facts::{Known, Licences, Origin, Profile, Requirement, Size, Sumdb};
use crate::processor::Processor;
use crate::refusal;

/// Licence files that are read of one module. Real ones have a handful; a module that vendors others has some dozens.
const LICENCE_FILES_MAX: usize = 200;

/// Bytes of licence files that are read of one module, together.
const LICENCE_BYTES_MAX: u64 = 16 << 20;

/// Versions of a module among which the newest is looked for.
const VERSIONS_MAX: u64 = 100_000;

/// Collects what policies are told.
pub(super) struct Collector<'a> {
    /// Opens what is stored.
    pub processor: &'a Processor,
    /// The installation's profile.
    pub profile: Profile,
}

impl Collector<'_> {
    /// Reads everything about one stored version.
    ///
    /// # Errors
    /// A refusal that says which of its files cannot be read.
    pub async fn collect(
        &self,
        stored: &StoredVersion,
        view: &str,
        now: Timestamp,
    ) -> Result<Known, Refusal> {
        let of = &stored.module;
        let info = self.processor.open_whole(stored, HealFile::Info).await?;
        let go_mod = self.processor.open_whole(stored, HealFile::GoMod).await?;
        let zip = self.processor.open_whole(stored, HealFile::Zip).await?;
        let origin = origin_of(&info.bytes());
        // A go.mod that cannot be read says nothing: go makes the same of it when it reads a dependency's go line.
        let own = modfile::parse_lax("go.mod", &go_mod.bytes()).unwrap_or_default();
        let (licences, size) = self.read_zip(of, zip.bytes(), stored.mod_size).await?;
        let newest = self.newest_go_mod(of).await?;
        let newest = newest.as_ref().unwrap_or(&own);
        let retraction = newest.find_retraction(of.version().as_str());
        let deprecated = newest
            .module
            .as_ref()
            .and_then(|line| line.deprecated.clone());
        Ok(Known {
            module: of.clone(),
            view: view.to_owned(),
            now,
            profile: self.profile,
            private: self.is_private(of),
            first_seen: stored.first_seen_at,
            commit_time: stored.time,
            origin,
            go_version: own.go.clone(),
            requirements: requirements_of(&own),
            licences,
            size,
            sumdb: sumdb_of(&stored.verified),
            retracted: retraction.map(|retraction| retraction.rationale.to_string()),
            deprecated,
        })
    }

    fn is_private(&self, of: &ModuleVersion) -> bool {
        let patterns = self.processor.trust.privacy.database_patterns();
        patterns.is_match(of.path().as_str())
    }

    /// Reads licences and sizes; all of it is work for the processor, so it has a thread of its own.
    async fn read_zip(
        &self,
        of: &ModuleVersion,
        zip: Bytes,
        mod_bytes: u64,
    ) -> Result<(Licences, Size), Refusal> {
        let prefix = format!("{of}/");
        let read = tokio::task::spawn_blocking(move || read_zip(&prefix, zip, mod_bytes)).await;
        let broken = |cause: String| {
            let text = format!("{of}: its zip cannot be looked into: {cause}");
            Refusal::new(RefusalClass::Damaged, text)
        };
        let read = read.map_err(|cause| broken(cause.to_string()))?;
        read.map_err(|cause| broken(cause.to_string()))
    }

    /// The go.mod that go reads retractions and deprecations from: that of the highest stored release, else pre-release.
    async fn newest_go_mod(&self, of: &ModuleVersion) -> Result<Option<ModFile>, Refusal> {
        let trouble = |cause| refusal::of_catalog(of, &cause);
        let catalog = &self.processor.catalog;
        let versions = catalog.list_stored_versions(of.path(), VERSIONS_MAX).await;
        let versions = versions.map_err(trouble)?;
        let speaks = find_speaker(&versions).cloned();
        let Some(speaks) = speaks.filter(|version| version != of.version()) else {
            return Ok(None);
        };
        let Ok(newest) = ModuleVersion::new(of.path().clone(), speaks) else {
            return Ok(None);
        };
        let Some(stored) = catalog.find_stored(&newest).await.map_err(trouble)? else {
            return Ok(None);
        };
        let blob = self.processor.open_whole(&stored, HealFile::GoMod).await?;
        Ok(modfile::parse_lax("go.mod", &blob.bytes()).ok())
    }
}

/// What the `.info` says of where the version came from; those who make it may leave that out.
fn origin_of(info: &[u8]) -> Origin {
    let origin = Info::parse(info).ok().and_then(|info| info.origin);
    let field = |name: &str| {
        let value = origin
            .as_ref()
            .and_then(|origin| origin.get(name)?.as_str());
        value.unwrap_or_default().to_owned()
    };
    Origin {
        kind: field("VCS"),
        url: field("URL"),
        commit: field("Hash"),
        reference: field("Ref"),
    }
}

fn requirements_of(go_mod: &ModFile) -> Vec<Requirement> {
    let required = go_mod.require.iter().map(|require| Requirement {
        module: require.path.clone(),
        version: require.version.to_string(),
        indirect: require.indirect,
    });
    required.collect()
}

fn sumdb_of(verified: &Verification) -> Sumdb {
    let (verified_by, name, record) = match verified {
        Verification::Record {
            database,
            record_id,
            ..
        } => ("record", database.clone(), Some(*record_id)),
        Verification::Private { pattern } => ("private", pattern.clone(), None),
        Verification::Absent { database } => ("absent", database.clone(), None),
        Verification::Off => ("off", String::new(), None),
    };
    Sumdb {
        verified_by: verified_by.to_owned(),
        name,
        record,
    }
}

fn read_zip(prefix: &str, zip: Bytes, mod_bytes: u64) -> Result<(Licences, Size), ZipError> {
    let zip_bytes = zip.len() as u64;
    let mut tree = PackedTree::open(Cursor::new(zip), prefix, &Limits::default())?;
    let size = Size {
        zip_bytes,
        files: tree.files().len() as u64,
        unpacked_bytes: tree.files().iter().map(|file| file.size_bytes).sum(),
        mod_bytes,
    };
    let texts = read_licence_files(&mut tree)?;
    Ok((licence::judge(&texts).into(), size))
}

/// The licence files, those of the root first: they decide, and what is over the bounds is read no more.
fn read_licence_files(tree: &mut PackedTree<Cursor<Bytes>>) -> Result<Vec<LicenceText>, ZipError> {
    let files = tree.files().iter().enumerate();
    let mut found: Vec<(usize, String, u64)> = files
        .filter(|(_, file)| licence::is_licence_file(&file.path))
        .map(|(at, file)| (at, file.path.clone(), file.size_bytes))
        .collect();
    found.sort_by_key(|(_, path, _)| (path.matches('/').count(), path.clone()));
    let mut left_bytes = LICENCE_BYTES_MAX;
    let mut texts = Vec::new();
    for (at, path, size_bytes) in found.into_iter().take(LICENCE_FILES_MAX) {
        if size_bytes > left_bytes {
            continue;
        }
        left_bytes -= size_bytes;
        let mut text = Vec::new();
        let read = tree
            .open(at)
            .and_then(|mut file| file.read_to_end(&mut text));
        read.map_err(|source| ZipError::Read { source })?;
        texts.push(LicenceText { path, text });
    }
    Ok(texts)
}
