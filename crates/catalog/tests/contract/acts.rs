//! What administrators take out stays out of every view until it is released, and its name is never given to others.

use catalog::{Act, ActOutcome, Catalog, CatalogError, Landing, ModLanding, NewMod, Settled};

use crate::rig::{module, new_mod, views};

const QUOTE: &str = "rsc.io/quote@v1.5.2";
const STAGES: [&str; 3] = ["dev", "staging", "prod"];

/// In whichever views come first.
async fn land(catalog: &Catalog, count: usize) {
    let new = NewMod {
        view: STAGES[0].to_owned(),
        ..new_mod(QUOTE, "x")
    };
    catalog.land_mod(new).await.unwrap();
    let first = views(&STAGES[..count]);
    let settled = catalog
        .settle(None, &first, &module(QUOTE), "gate", "")
        .await;
    settled.unwrap();
}

async fn withdraw(catalog: &Catalog, legal: bool) -> ActOutcome {
    let (of, stages) = (module(QUOTE), views(&STAGES));
    let outcome = catalog.withdraw(&of, &stages, legal, "admin", "leak").await;
    outcome.unwrap()
}

async fn quarantine(catalog: &Catalog) -> ActOutcome {
    let (of, stages) = (module(QUOTE), views(&STAGES));
    let outcome = catalog.quarantine(&of, &stages, "admin", "odd").await;
    outcome.unwrap()
}

async fn release(catalog: &Catalog, names: &[&str]) -> ActOutcome {
    let (of, names) = (module(QUOTE), views(names));
    let outcome = catalog.release(&of, &names, "admin", "fine").await;
    outcome.unwrap()
}

async fn settle(catalog: &Catalog, names: &[&str]) -> Settled {
    let (of, names) = (module(QUOTE), views(names));
    let settled = catalog.settle(None, &names, &of, "gate", "").await;
    settled.unwrap()
}

/// View and act of each landing that was made.
#[track_caller]
fn check_done(outcome: ActOutcome, want: &[(&str, Act)]) -> Vec<Landing> {
    let ActOutcome::Done { landings } = outcome else {
        panic!("not done: {outcome:?}")
    };
    let made: Vec<_> = landings.iter().map(|l| (l.view.as_str(), l.act)).collect();
    assert_eq!(made, want);
    landings
}

async fn members(catalog: &Catalog) -> Vec<&'static str> {
    let mut members = Vec::new();
    for view in STAGES {
        let found = catalog.find_version(view, &module(QUOTE)).await.unwrap();
        let listed = catalog
            .list_versions(view, module(QUOTE).path(), 10)
            .await
            .unwrap();
        assert_eq!(found.is_some(), listed.len() == 1, "{view}");
        if found.is_some() {
            members.push(view);
        }
    }
    members
}

pub async fn withdrawn_versions_come_back_only_by_a_release(catalog: &Catalog) {
    land(catalog, 3).await;
    let of = module(QUOTE);
    assert_eq!(
        release(catalog, &STAGES).await,
        ActOutcome::NothingToRelease
    );
    assert_eq!(release(catalog, &[]).await, ActOutcome::NothingToRelease);
    let withdrawn = check_done(
        withdraw(catalog, false).await,
        &[
            ("dev", Act::Withdraw),
            ("staging", Act::Withdraw),
            ("prod", Act::Withdraw),
        ],
    );
    assert_eq!(
        withdrawn.iter().map(|l| l.seq).collect::<Vec<_>>(),
        [4, 5, 6]
    );
    let told = catalog.landings_since(3, 10).await.unwrap();
    assert_eq!(told, withdrawn);
    assert_eq!(
        (told[0].by.as_str(), told[0].why.as_str(), told[0].legal),
        ("admin", "leak", false)
    );
    assert_eq!(members(catalog).await, [""; 0]);
    assert_eq!(
        withdraw(catalog, false).await,
        ActOutcome::Already { seq: 6 }
    );
    let last = catalog.find_landing("prod", &of).await.unwrap().unwrap();
    assert_eq!(last, withdrawn[2]);
    let standings = catalog.list_standings(&of).await.unwrap();
    assert_eq!(standings, withdrawn.into_iter().rev().collect::<Vec<_>>());
    assert_eq!(
        settle(catalog, &["prod"]).await,
        Settled::Withheld {
            landing: Box::new(last.clone())
        }
    );
    assert_eq!(
        catalog.land_mod(new_mod(QUOTE, "x")).await.unwrap(),
        ModLanding::Withheld {
            landing: Box::new(last)
        }
    );
    check_done(
        release(catalog, &STAGES).await,
        &[
            ("dev", Act::Release),
            ("staging", Act::Release),
            ("prod", Act::Release),
        ],
    );
    assert_eq!(members(catalog).await, STAGES);
    assert_eq!(
        release(catalog, &STAGES).await,
        ActOutcome::Already { seq: 9 }
    );
    let back = catalog.find_version("prod", &of).await.unwrap().unwrap();
    assert_eq!(back.landed.seq, 9);
    check_done(
        quarantine(catalog).await,
        &[
            ("dev", Act::Quarantine),
            ("staging", Act::Quarantine),
            ("prod", Act::Quarantine),
        ],
    );
    assert_eq!(members(catalog).await, [""; 0]);
}

pub async fn an_act_needs_its_version(catalog: &Catalog) {
    let (of, stages) = (module(QUOTE), views(&STAGES));
    for error in [
        catalog
            .withdraw(&of, &stages, true, "admin", "")
            .await
            .map(drop),
        catalog
            .quarantine(&of, &stages, "admin", "")
            .await
            .map(drop),
        catalog.release(&of, &stages, "admin", "").await.map(drop),
        catalog.release(&of, &[], "admin", "").await.map(drop),
        catalog
            .settle(None, &stages, &of, "admin", "")
            .await
            .map(drop),
    ] {
        let error = error.unwrap_err();
        assert!(matches!(error, CatalogError::NoVersion { .. }), "{error}");
    }
    assert_eq!(catalog.last_seq().await.unwrap(), 0);
}

pub async fn what_one_view_withholds_lands_in_no_other(catalog: &Catalog) {
    land(catalog, 1).await;
    let of = module(QUOTE);
    for act in [Act::Withdraw, Act::Quarantine] {
        let (dev, by) = (views(&["dev"]), "admin");
        let taken_out = match act {
            Act::Withdraw => catalog.withdraw(&of, &dev, false, by, "").await.unwrap(),
            _ => catalog.quarantine(&of, &dev, by, "").await.unwrap(),
        };
        let withholding = Box::new(check_done(taken_out, &[("dev", act)])[0].clone());
        for view in STAGES {
            let new = NewMod {
                view: view.to_owned(),
                ..new_mod(QUOTE, "x")
            };
            let landing = withholding.clone();
            assert_eq!(
                catalog.land_mod(new).await.unwrap(),
                ModLanding::Withheld {
                    landing: landing.clone()
                }
            );
            let settled = settle(catalog, &[view]).await;
            assert_eq!(settled, Settled::Withheld { landing });
        }
        check_done(release(catalog, &[]).await, &[("dev", Act::Release)]);
    }
    let settled = settle(catalog, &STAGES).await;
    assert!(matches!(settled, Settled::Landed { first: true, .. }));
    assert_eq!(members(catalog).await, STAGES);
}

/// The last view is the one that clients see: it tells why the version is not there. In staging nobody looks.
pub async fn what_was_never_in_prod_is_withdrawn_there_too(catalog: &Catalog) {
    land(catalog, 1).await;
    check_done(
        withdraw(catalog, true).await,
        &[("dev", Act::Withdraw), ("prod", Act::Withdraw)],
    );
    let last = catalog.find_landing("prod", &module(QUOTE)).await.unwrap();
    assert!(last.unwrap().legal);
    assert_eq!(
        withdraw(catalog, true).await,
        ActOutcome::Already { seq: 3 }
    );
    check_done(
        release(catalog, &STAGES).await,
        &[("dev", Act::Release), ("prod", Act::Lift)],
    );
    assert_eq!(members(catalog).await, ["dev"]);
    assert_eq!(
        release(catalog, &["prod"]).await,
        ActOutcome::Already { seq: 5 }
    );
    // Out again and back again: it still was never in prod.
    check_done(
        quarantine(catalog).await,
        &[("dev", Act::Quarantine), ("prod", Act::Quarantine)],
    );
    check_done(
        release(catalog, &[]).await,
        &[("dev", Act::Release), ("prod", Act::Lift)],
    );
    assert_eq!(
        settle(catalog, &STAGES).await,
        Settled::Landed {
            seqs: vec![8, 10, 11],
            first: true
        }
    );
    assert_eq!(members(catalog).await, STAGES);
    assert_eq!(catalog.list_loose_ends(10).await.unwrap(), [""; 0]);
}

pub async fn legal_reasons_are_added_and_not_lessened(catalog: &Catalog) {
    land(catalog, 3).await;
    check_done(
        withdraw(catalog, false).await,
        &[
            ("dev", Act::Withdraw),
            ("staging", Act::Withdraw),
            ("prod", Act::Withdraw),
        ],
    );
    let legal = check_done(
        withdraw(catalog, true).await,
        &[
            ("dev", Act::Withdraw),
            ("staging", Act::Withdraw),
            ("prod", Act::Withdraw),
        ],
    );
    assert!(legal.iter().all(|landing| landing.legal));
    assert_eq!(
        withdraw(catalog, false).await,
        ActOutcome::Already { seq: 9 }
    );
    let last = catalog.find_landing("prod", &module(QUOTE)).await.unwrap();
    assert_eq!(last.as_ref(), legal.last());
    let released = check_done(release(catalog, &["prod"]).await, &[("prod", Act::Release)]);
    assert!(!released[0].legal);
}

pub async fn a_quarantine_becomes_a_withdrawal_and_not_the_reverse(catalog: &Catalog) {
    land(catalog, 2).await;
    check_done(
        quarantine(catalog).await,
        &[
            ("dev", Act::Quarantine),
            ("staging", Act::Quarantine),
            ("prod", Act::Quarantine),
        ],
    );
    assert_eq!(quarantine(catalog).await, ActOutcome::Already { seq: 5 });
    let withdrawn = check_done(
        withdraw(catalog, false).await,
        &[
            ("dev", Act::Withdraw),
            ("staging", Act::Withdraw),
            ("prod", Act::Withdraw),
        ],
    );
    assert_eq!(
        quarantine(catalog).await,
        ActOutcome::Withheld {
            landing: Box::new(withdrawn[2].clone())
        }
    );
    // Back to what it was before both.
    check_done(
        release(catalog, &[]).await,
        &[
            ("dev", Act::Release),
            ("staging", Act::Release),
            ("prod", Act::Lift),
        ],
    );
    assert_eq!(members(catalog).await, ["dev", "staging"]);
    // What is withdrawn from one view is still taken out of the others, and nothing is added where it never was.
    let (of, dev) = (module(QUOTE), views(&["dev"]));
    let withdrawn = catalog.withdraw(&of, &dev, false, "admin", "").await;
    check_done(withdrawn.unwrap(), &[("dev", Act::Withdraw)]);
    check_done(quarantine(catalog).await, &[("staging", Act::Quarantine)]);
    assert_eq!(members(catalog).await, [""; 0]);
}

pub async fn a_release_says_where_it_was(catalog: &Catalog) {
    land(catalog, 2).await;
    quarantine(catalog).await;
    // A view that is a stage no more is released as well where none is named.
    let (of, old) = (module(QUOTE), views(&["old"]));
    let other = catalog.withdraw(&of, &old, false, "admin", "").await;
    check_done(other.unwrap(), &[("old", Act::Withdraw)]);
    let landings = check_done(
        release(catalog, &[]).await,
        &[
            ("dev", Act::Release),
            ("staging", Act::Release),
            ("prod", Act::Lift),
            ("old", Act::Lift),
        ],
    );
    assert_eq!(
        catalog.landings_since(6, 10).await.unwrap(),
        landings,
        "what was answered is what is told"
    );
    assert_eq!(
        release(catalog, &["elsewhere"]).await,
        ActOutcome::NothingToRelease
    );
}

pub async fn one_view_is_released_alone(catalog: &Catalog) {
    land(catalog, 3).await;
    withdraw(catalog, false).await;
    check_done(
        release(catalog, &["dev", "dev"]).await,
        &[("dev", Act::Release)],
    );
    assert_eq!(members(catalog).await, ["dev"]);
    let settled = settle(catalog, &["staging"]).await;
    assert!(
        matches!(&settled, Settled::Withheld { landing } if landing.view == "prod"),
        "{settled:?}"
    );
    // Withdrawn again: only where it is.
    check_done(withdraw(catalog, false).await, &[("dev", Act::Withdraw)]);
}

/// What is listed must be had: a list leaves out what cannot land, whichever view says so.
pub async fn what_any_view_withholds_is_listed_where_it_is_not(catalog: &Catalog) {
    land(catalog, 3).await;
    let other = "rsc.io/quote@v1.10.0";
    let longer = "rsc.io/quote/v3@v3.0.0";
    for of in [other, longer] {
        let view = "dev".to_owned();
        let new = NewMod {
            view,
            ..new_mod(of, "x")
        };
        catalog.land_mod(new).await.unwrap();
    }
    let withheld = async || {
        let mut listed = Vec::new();
        for view in STAGES {
            let path = module(QUOTE).path().clone();
            for version in catalog.list_withheld(view, &path).await.unwrap() {
                listed.push(format!("{view} {version}"));
            }
        }
        listed
    };
    assert_eq!(withheld().await, [""; 0]);
    let dev = views(&["dev"]);
    for of in [QUOTE, other, longer] {
        let taken_out = catalog.quarantine(&module(of), &dev, "admin", "").await;
        check_done(taken_out.unwrap(), &[("dev", Act::Quarantine)]);
    }
    assert_eq!(
        withheld().await,
        [
            "dev v1.10.0",
            "dev v1.5.2",
            "staging v1.10.0",
            "prod v1.10.0"
        ]
    );
    withdraw(catalog, false).await;
    assert_eq!(
        withheld().await,
        [
            "dev v1.10.0",
            "dev v1.5.2",
            "staging v1.10.0",
            "staging v1.5.2",
            "prod v1.10.0",
            "prod v1.5.2"
        ]
    );
    release(catalog, &[]).await;
    let released = catalog.release(&module(other), &[], "admin", "").await;
    check_done(released.unwrap(), &[("dev", Act::Release)]);
    assert_eq!(withheld().await, [""; 0]);
}

pub async fn other_bytes_never_take_the_name_of_what_was_withdrawn(catalog: &Catalog) {
    land(catalog, 3).await;
    let stored = catalog.find_stored(&module(QUOTE)).await.unwrap().unwrap();
    withdraw(catalog, true).await;
    for view in STAGES {
        let other = NewMod {
            view: view.to_owned(),
            ..new_mod(QUOTE, "other bytes")
        };
        assert_eq!(
            catalog.land_mod(other).await.unwrap(),
            ModLanding::Conflict {
                stored: Box::new(stored.clone())
            }
        );
    }
    assert_eq!(
        catalog.find_stored(&module(QUOTE)).await.unwrap(),
        Some(stored)
    );
    assert_eq!(catalog.last_seq().await.unwrap(), 6);
}
