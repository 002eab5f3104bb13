//! Which versions of a module a view shows: in its list, as `@latest`, as the nearest allowed one.
//!
//! What go reads in a list it may choose, so nothing is in it that would be refused: not what the gates refuse, not what
//! was withdrawn, and not what a version retracts that is hidden itself, because go would not learn of the retraction.

use std::collections::BTreeSet;

use gomod::modfile::{self, ModFile};
use gomod::path::ModulePath;
use gomod::version::{ModuleVersion, Version, find_speaker};

use crate::answer::Error;
use crate::front::{Front, catalog_trouble};
use crate::view::View;

/// The versions that a view shows of a module, pseudo-versions left out.
pub(crate) async fn list_shown(
    front: &Front,
    view: View<'_>,
    module: &ModulePath,
) -> Result<BTreeSet<Version>, Error> {
    let trouble = |cause| catalog_trouble(module, cause);
    let limit = front.config.list_versions_max;
    let stored = front.catalog.list_versions(view.name(), module, limit);
    let stored = stored.await.map_err(trouble)?;
    let mut versions: BTreeSet<Version> = stored.into_iter().map(|(version, _)| version).collect();
    if !front.shows_members_only(view) {
        versions.extend(list_stored(front, module).await?);
        let told = front.catalog.find_list(module).await.map_err(trouble)?;
        let told = told.map(|told| told.versions).unwrap_or_default();
        versions.extend(told.iter().filter_map(|text| text.parse::<Version>().ok()));
    }
    versions.retain(|version| !version.is_pseudo());
    hide(front, view, module, &mut versions).await?;
    Ok(versions)
}

/// The versions of a module that are stored, whatever views say: they are known for ever, also when the origin forgets them.
pub(crate) async fn list_stored(front: &Front, module: &ModulePath) -> Result<Vec<Version>, Error> {
    let limit = front.config.list_versions_max;
    let stored = front.catalog.list_stored_versions(module, limit).await;
    stored.map_err(|cause| catalog_trouble(module, cause))
}

/// Takes out of the known versions what the view does not show.
pub(crate) async fn hide(
    front: &Front,
    view: View<'_>,
    module: &ModulePath,
    versions: &mut BTreeSet<Version>,
) -> Result<(), Error> {
    let hidden = list_hidden(front, view, module).await?;
    if hidden.is_empty() {
        return Ok(());
    }
    versions.retain(|version| !hidden.contains(version));
    if let Some(retracting) = find_hidden_retractions(front, module, versions, &hidden).await {
        let is_retracted = |version: &Version| {
            let mut retractions = retracting.retract.iter();
            retractions.any(|retraction| retraction.covers(version.as_str()))
        };
        versions.retain(|version| !is_retracted(version));
    }
    Ok(())
}

/// The shown version that is nearest to one: the highest below it of the same major, else the lowest above it.
pub(crate) fn find_nearest(shown: &BTreeSet<Version>, to: &Version) -> Option<Version> {
    let below = shown.range(..to).next_back();
    below
        .or_else(|| shown.range(to..).find(|version| *version != to))
        .cloned()
}

/// Versions that are stored or known and that the view must not show.
async fn list_hidden(
    front: &Front,
    view: View<'_>,
    module: &ModulePath,
) -> Result<BTreeSet<Version>, Error> {
    let trouble = |cause| catalog_trouble(module, cause);
    let mut hidden: BTreeSet<Version> = BTreeSet::new();
    for door in view.doors() {
        let refused = front
            .catalog
            .list_refused(door, module)
            .await
            .map_err(trouble)?;
        hidden.extend(refused.into_iter().map(|(version, _)| version));
    }
    let withheld = front
        .catalog
        .list_withheld(view.name(), module)
        .await
        .map_err(trouble)?;
    hidden.extend(withheld);
    if front.shows_members_only(view) {
        hidden.extend(list_waiting(front, view, module).await?);
    }
    Ok(hidden)
}

/// Versions that are stored and have not come as far as the view.
async fn list_waiting(
    front: &Front,
    view: View<'_>,
    module: &ModulePath,
) -> Result<BTreeSet<Version>, Error> {
    let trouble = |cause| catalog_trouble(module, cause);
    let limit = front.config.list_versions_max;
    let first = front.view(0);
    if first == view {
        return Ok(BTreeSet::new());
    }
    let stored = front
        .catalog
        .list_versions(first.name(), module, limit)
        .await
        .map_err(trouble)?;
    let members = front
        .catalog
        .list_versions(view.name(), module, limit)
        .await
        .map_err(trouble)?;
    let members: BTreeSet<Version> = members.into_iter().map(|(version, _)| version).collect();
    let versions = stored.into_iter().map(|(version, _)| version);
    Ok(versions
        .filter(|version| !members.contains(version))
        .collect())
}

/// The go.mod that go would read the retractions from if nothing were hidden, where it is a hidden one.
async fn find_hidden_retractions(
    front: &Front,
    module: &ModulePath,
    shown: &BTreeSet<Version>,
    hidden: &BTreeSet<Version>,
) -> Option<ModFile> {
    let speaks = find_speaker(shown.iter().chain(hidden))?;
    if !hidden.contains(speaks) {
        return None;
    }
    let of = ModuleVersion::new(module.clone(), speaks.clone()).ok()?;
    let stored = front.catalog.find_stored(&of).await.ok()??;
    let blob = front.store.open(&stored.go_mod).await.ok()?;
    modfile::parse_lax("go.mod", &blob.bytes()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn versions(list: &[&str]) -> BTreeSet<Version> {
        list.iter()
            .map(|version| version.parse().unwrap())
            .collect()
    }

    #[track_caller]
    fn check_nearest(shown: &[&str], to: &str, want: Option<&str>) {
        let nearest = find_nearest(&versions(shown), &to.parse().unwrap());
        assert_eq!(nearest.as_ref().map(Version::as_str), want);
    }

    #[test]
    fn the_nearest_version_is_the_one_below() {
        check_nearest(&["v1.0.0", "v1.1.0", "v1.3.0"], "v1.2.0", Some("v1.1.0"));
        check_nearest(&["v1.3.0", "v1.4.0"], "v1.2.0", Some("v1.3.0"));
        check_nearest(&["v1.2.0"], "v1.2.0", None);
        check_nearest(&[], "v1.2.0", None);
    }
}
