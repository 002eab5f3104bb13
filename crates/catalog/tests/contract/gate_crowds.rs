//! Many at once at the gates: one wins, the others are told so, numbers have no gaps.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use catalog::{Act, ActOutcome, Catalog, Landing, Settled, TokenSaving};

use crate::crowds::all_at_once;
use crate::gates::{deed_of, token_of, verdict_on, waiver_for};
use crate::rig::{module, new_mod, time, views};

const QUOTE: &str = "rsc.io/quote@v1.5.2";
const STAGES: [&str; 3] = ["dev", "staging", "prod"];

async fn land(catalog: &Catalog) {
    let mut new = new_mod(QUOTE, "x");
    new.view = "dev".to_owned();
    catalog.land_mod(new).await.unwrap();
}

async fn promote(catalog: &Catalog) -> Settled {
    let (of, further) = (module(QUOTE), views(&STAGES[1..]));
    let settled = catalog.settle(None, &further, &of, "gate", "passed").await;
    settled.unwrap()
}

/// All landings, which have no gaps and say of each view what a member list says.
async fn check_landings(catalog: &Catalog) -> Vec<Landing> {
    let landings = catalog.landings_since(0, 1000).await.unwrap();
    let seqs: Vec<_> = landings.iter().map(|landing| landing.seq).collect();
    assert_eq!(seqs, (1..=landings.len() as u64).collect::<Vec<_>>());
    for view in STAGES {
        let found = catalog.find_version(view, &module(QUOTE)).await.unwrap();
        let last = landings.iter().rfind(|landing| landing.view == view);
        let joined = last.filter(|last| last.act.joins());
        assert_eq!(
            found.map(|found| found.landed.seq),
            joined.map(|last| last.seq),
            "{view}"
        );
    }
    assert_eq!(catalog.list_loose_ends(10).await.unwrap(), [""; 0]);
    landings
}

pub async fn sixty_four_promotions_have_one_first(catalog: &Catalog) {
    land(catalog).await;
    let settled = all_at_once(64, |_| {
        let catalog = catalog.clone();
        async move { promote(&catalog).await }
    })
    .await;
    let mut firsts = 0;
    for settled in settled {
        let Settled::Landed { seqs, first } = settled else {
            panic!("{settled:?}")
        };
        assert_eq!(seqs, [2, 3]);
        firsts += usize::from(first);
    }
    assert_eq!(firsts, 1);
    assert_eq!(check_landings(catalog).await.len(), 3);
}

pub async fn a_withdrawal_among_promotions_has_the_last_word(catalog: &Catalog) {
    land(catalog).await;
    let ends = all_at_once(48, |i| {
        let catalog = catalog.clone();
        async move {
            if i % 3 != 1 {
                return match promote(&catalog).await {
                    Settled::Landed { .. } => "landed",
                    Settled::Withheld { .. } => "withheld",
                    Settled::Judged => panic!("views were named"),
                };
            }
            let (of, stages) = (module(QUOTE), views(&STAGES));
            let outcome = catalog.withdraw(&of, &stages, true, "admin", "").await;
            match outcome.unwrap() {
                ActOutcome::Done { .. } => "withdrawn",
                ActOutcome::Already { .. } => "already",
                other => panic!("{other:?}"),
            }
        }
    })
    .await;
    let count = |what| ends.iter().filter(|end| **end == what).count();
    assert_eq!((count("withdrawn"), count("already")), (1, 15), "{ends:?}");
    let landings = check_landings(catalog).await;
    let first_out = landings.iter().position(|l| l.act == Act::Withdraw);
    let after = &landings[first_out.unwrap()..];
    assert!(after.iter().all(|l| l.act == Act::Withdraw), "{after:?}");
    assert_eq!(after.last().unwrap().view, "prod");
    assert_eq!(
        catalog.find_version("dev", &module(QUOTE)).await.unwrap(),
        None
    );
}

pub async fn acts_on_one_version_at_once_are_numbered_without_gaps(catalog: &Catalog) {
    land(catalog).await;
    promote(catalog).await;
    let told = all_at_once(60, |i| {
        let catalog = catalog.clone();
        async move {
            let (of, stages, by) = (module(QUOTE), views(&STAGES), format!("admin {i}"));
            let outcome = match i % 4 {
                0 => catalog.withdraw(&of, &stages, i % 8 == 0, &by, "").await,
                1 => catalog.quarantine(&of, &stages, &by, "").await,
                2 => catalog.release(&of, &[], &by, "").await,
                _ => {
                    promote(&catalog).await;
                    return Vec::new();
                }
            };
            match outcome.unwrap() {
                ActOutcome::Done { landings } => landings,
                _ => Vec::new(),
            }
        }
    })
    .await;
    let landings = check_landings(catalog).await;
    // Whoever was told that it is done finds it under these numbers, and nobody else was told so.
    let mut told: Vec<Landing> = told.into_iter().flatten().collect();
    told.sort_by_key(|landing| landing.seq);
    let acts = landings
        .into_iter()
        .filter(|landing| landing.by.starts_with("admin"));
    let micros = |landing: &Landing| {
        (
            landing.seq,
            landing.by.clone(),
            landing.act,
            landing.view.clone(),
        )
    };
    assert_eq!(
        told.iter().map(micros).collect::<Vec<_>>(),
        acts.map(|landing| micros(&landing)).collect::<Vec<_>>()
    );
}

pub async fn equal_verdicts_at_once_are_one(catalog: &Catalog) {
    land(catalog).await;
    let settled = all_at_once(64, |_| {
        let catalog = catalog.clone();
        async move {
            let verdict = Some(verdict_on(QUOTE, "staging", true, "x"));
            let (of, staging) = (module(QUOTE), views(&["staging"]));
            let settled = catalog.settle(verdict, &staging, &of, "gate", "").await;
            settled.unwrap()
        }
    })
    .await;
    assert!(
        settled
            .iter()
            .all(|s| matches!(s, Settled::Landed { seqs, .. } if *seqs == [2]))
    );
    assert_eq!(catalog.list_verdicts(0, 100, None).await.unwrap().len(), 1);
    check_landings(catalog).await;
}

pub async fn the_newest_verdict_is_the_last_one(catalog: &Catalog) {
    land(catalog).await;
    all_at_once(64, |i| {
        let catalog = catalog.clone();
        async move {
            let verdict = verdict_on(QUOTE, "staging", i % 2 == 0, &i.to_string());
            let settled = catalog
                .settle(Some(verdict), &[], &module(QUOTE), "gate", "")
                .await;
            settled.unwrap()
        }
    })
    .await;
    let all = catalog.list_verdicts(0, 100, None).await.unwrap();
    assert_eq!(all.len(), 64);
    let newest = catalog
        .find_verdict("staging", &module(QUOTE))
        .await
        .unwrap();
    assert_eq!(newest.as_ref(), all.last());
    let refused = catalog
        .list_refused("staging", module(QUOTE).path())
        .await
        .unwrap();
    assert_eq!(refused.is_empty(), newest.unwrap().admitted);
}

pub async fn a_name_and_a_waiver_go_to_one_of_many(catalog: &Catalog) {
    let saved = all_at_once(32, |i| {
        let catalog = catalog.clone();
        async move {
            let token = token_of("ci", &format!("secret {i}"));
            let waiver = waiver_for("rsc.io", time("2026-01-01T00:00:00Z"));
            let (token, waiver) =
                tokio::join!(catalog.save_token(token), catalog.save_waiver(waiver));
            (token.unwrap(), waiver.unwrap())
        }
    })
    .await;
    let named = saved
        .iter()
        .filter(|(token, _)| *token != TokenSaving::NameTaken);
    assert_eq!(named.count(), 1);
    assert_eq!(catalog.list_tokens(0, 100).await.unwrap().len(), 1);
    let first = saved.iter().filter(|(_, waiver)| waiver.first);
    assert_eq!(first.count(), 1);
    assert!(saved.iter().all(|(_, waiver)| waiver.id == saved[0].1.id));
}

/// Numbers become visible in their order, so that a cursor passes none.
pub async fn whoever_follows_deeds_misses_none(catalog: &Catalog) {
    const DEEDS: usize = 200;
    let over = Arc::new(AtomicBool::new(false));
    let follower = tokio::spawn({
        let (catalog, over) = (catalog.clone(), over.clone());
        async move {
            let (mut after, mut seen) = (0, BTreeSet::new());
            loop {
                let is_last = over.load(Ordering::Acquire);
                let page = catalog.list_deeds(after, 7).await.unwrap();
                after = page.last().map_or(after, |deed| deed.id);
                let is_empty = page.is_empty();
                seen.extend(page.into_iter().map(|deed| deed.subject));
                if is_last && is_empty {
                    return seen;
                }
            }
        }
    });
    let ids = all_at_once(DEEDS, |i| {
        let catalog = catalog.clone();
        async move {
            catalog
                .save_deed(deed_of("promote", &i.to_string()))
                .await
                .unwrap()
        }
    })
    .await;
    over.store(true, Ordering::Release);
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), DEEDS);
    assert_eq!(follower.await.unwrap().len(), DEEDS);
}
