//! `granary build-zip`: the module zip of one revision of a repository, without a server and without a Go toolchain.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, anyhow, bail};
use gomod::hash::hash_go_mod;
use gomod::modfile;
use gomod::path::{ModulePath, split_path_version};
use gomod::version::ModuleVersion;
use gomod::zip::Limits;
use origin::vcs::code::{Code, Revision};
use origin::vcs::locate::{Vcs, locate_url};
use origin::vcs::module::Module;
use serde_json::json;

use crate::config::Config;
use crate::parts;
use crate::version_control;

/// Go reads no go.mod larger than this.
const GO_MOD_BYTES_MAX: u64 = 16 << 20;

/// What to build.
pub struct Ask<'a> {
    /// A folder of this machine or a URL.
    pub repository: &'a str,
    /// A tag, a branch, a commit or a version.
    pub rev: &'a str,
    /// The module, where it is not the one that the root's go.mod names.
    pub module: Option<&'a str>,
    /// Where to write the zip.
    pub output: Option<&'a Path>,
}

/// A zip that was made.
struct Built {
    of: ModuleVersion,
    zip_h1: String,
    mod_h1: String,
    path: PathBuf,
    files: u64,
    zip_bytes: u64,
    revision: String,
}

/// Builds the zip and prints what it is.
pub fn run(config: &Config, ask: &Ask<'_>, as_json: bool) -> Result<bool> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let built = runtime.block_on(async { tokio::task::block_in_place(|| build(config, ask)) });
    // A repository may hold its connection open; nothing is left to say to it.
    runtime.shutdown_background();
    let built = built?;
    let mut out = std::io::stdout().lock();
    if as_json {
        let line = json!({
            "module": built.of.path().as_str(), "version": built.of.version().as_str(), "h1": built.zip_h1,
            "go_mod_h1": built.mod_h1, "zip": built.path, "files": built.files, "size_bytes": built.zip_bytes,
            "revision": built.revision,
        });
        writeln!(out, "{line}")?;
    } else {
        writeln!(out, "{}", built.of)?;
        writeln!(out, "zip    {}", built.zip_h1)?;
        writeln!(out, "go.mod {}", built.mod_h1)?;
        writeln!(
            out,
            "{} ({} files, {} bytes), made from {}",
            built.path.display(),
            built.files,
            built.zip_bytes,
            built.revision
        )?;
    }
    Ok(true)
}

fn build(config: &Config, ask: &Ask<'_>) -> Result<Built> {
    let scratch = tempfile::tempdir().context("a temporary folder for the repository")?;
    let outside = parts::outside(config, "build-zip")?;
    let place = place_of(ask.repository)?;
    if let Ok(url) = url::Url::parse(&place.url) {
        outside.trust(&url);
    }
    let code: Arc<dyn Code> = match place.vcs {
        Vcs::Git => {
            let repositories =
                version_control::open_repositories(config, &outside, scratch.path(), true)?;
            Arc::new(repositories.open(&place.url, true)?)
        }
        vcs => {
            let programs = version_control::open_programs(
                &outside,
                scratch.path(),
                &["https", "http", "file", "svn", "bzr"],
            )?;
            programs.open(vcs.name(), &place.url)?
        }
    };
    let revision = code.stat(ask.rev)?;
    let path = match ask.module {
        Some(path) => path.parse().with_context(|| format!("--module {path}"))?,
        None => find_module(&*code, &revision, place.root.as_deref())?,
    };
    let root = root_of(&*code, &revision, &path)?;
    let module = Module::new(code, &root, None, path.clone())?;
    let stated = module.stat(query_of(ask.rev, &root, &path))?;
    let of = ModuleVersion::new(path, stated.version.clone())?;
    let mut tree = module.open_tree(&stated)?;
    let output = ask
        .output
        .map_or_else(|| default_output(&of), Path::to_path_buf);
    let file =
        File::create(&output).with_context(|| format!("cannot write {}", output.display()))?;
    let created = gomod::zip::create(BufWriter::new(file), &of, &mut *tree, &Limits::default());
    let created = created.inspect_err(|_| {
        // Half a zip helps nobody.
        std::fs::remove_file(&output).ok();
    })?;
    Ok(Built {
        of,
        zip_h1: created.h1.to_string(),
        mod_h1: hash_go_mod(&stated.go_mod).to_string(),
        path: output,
        files: created.files,
        zip_bytes: created.zip_bytes,
        revision: stated.revision.name,
    })
}

/// Where the repository is.
struct Place {
    vcs: Vcs,
    url: String,
    /// What its module would be called by its address.
    root: Option<String>,
}

fn place_of(repository: &str) -> Result<Place> {
    if Path::new(repository).is_dir() {
        let folder = std::path::absolute(repository)?.canonicalize()?;
        let url = url::Url::from_file_path(&folder)
            .map_err(|()| anyhow!("{} is no folder that a URL can name", folder.display()))?;
        return Ok(Place {
            vcs: vcs_of_folder(&folder),
            url: url.to_string(),
            root: None,
        });
    }
    let located = locate_url(repository, None)?;
    Ok(Place {
        vcs: located.vcs,
        url: located.url,
        root: Some(located.root),
    })
}

fn vcs_of_folder(folder: &Path) -> Vcs {
    if folder.join(".hg").is_dir() {
        Vcs::Mercurial
    } else if folder.join(".bzr").is_dir() {
        Vcs::Bazaar
    } else if folder.join("db/fsfs.conf").is_file() {
        Vcs::Subversion
    } else {
        Vcs::Git
    }
}

/// The module that the root's go.mod names, else the one of the repository's address.
fn find_module(code: &dyn Code, revision: &Revision, root: Option<&str>) -> Result<ModulePath> {
    let go_mod = code.read_file(revision, "go.mod", GO_MOD_BYTES_MAX)?;
    if let Some(path) = go_mod.and_then(|text| modfile::module_path(&text)) {
        return path
            .parse()
            .with_context(|| format!("go.mod names the module {path}"));
    }
    match root {
        Some(root) => root
            .parse()
            .with_context(|| format!("the repository's address as a module path: {root}")),
        None => bail!(
            "there is no go.mod at the root of {}: say which module with --module",
            revision.name
        ),
    }
}

/// The path that stands for the repository's root: the module's own, less the directory whose go.mod names it.
fn root_of(code: &dyn Code, revision: &Revision, path: &ModulePath) -> Result<String> {
    let whole = path.as_str();
    let (bare, _) = split_path_version(whole).unwrap_or((whole, ""));
    let mut root = bare;
    while let Some((above, _)) = root.rsplit_once('/') {
        let directory = bare[root.len()..].trim_start_matches('/');
        if names(code, revision, directory, whole)? {
            return Ok(root.to_owned());
        }
        root = above;
    }
    Ok(bare.to_owned())
}

/// Whether the go.mod of a directory, or of the one for its major version below it, names the module.
fn names(code: &dyn Code, revision: &Revision, directory: &str, module: &str) -> Result<bool> {
    let (_, major) = split_path_version(module).unwrap_or((module, ""));
    let below = format!("{directory}{major}");
    for directory in [directory, below.trim_start_matches('/')] {
        let file = format!("{directory}/go.mod");
        let go_mod = code.read_file(revision, file.trim_start_matches('/'), GO_MOD_BYTES_MAX)?;
        if go_mod.is_some_and(|text| modfile::module_path(&text).as_deref() == Some(module)) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A tag `sub/v1.2.3` of the module in `sub` is its version v1.2.3.
fn query_of<'a>(rev: &'a str, root: &str, path: &ModulePath) -> &'a str {
    let (bare, _) = split_path_version(path.as_str()).unwrap_or((path.as_str(), ""));
    let directory = bare
        .strip_prefix(root)
        .unwrap_or("")
        .trim_start_matches('/');
    rev.strip_prefix(directory)
        .and_then(|rest| rest.strip_prefix('/'))
        .filter(|_| !directory.is_empty())
        .unwrap_or(rev)
}

fn default_output(of: &ModuleVersion) -> PathBuf {
    let name = of.path().as_str().replace('/', "_");
    PathBuf::from(format!("{name}@{}.zip", of.version()))
}
