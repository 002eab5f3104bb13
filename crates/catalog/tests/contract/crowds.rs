//! Many at once: one wins, numbers have no gaps, nobody is hurt by a neighbour.

use std::collections::BTreeSet;

use catalog::{Catalog, CatalogError, ModLanding, ZipLanding};

use crate::rig::{digest, module, new_mod, zip_of};

const QUOTE: &str = "rsc.io/quote@v1.5.2";

/// Runs `n` calls at the same time and gives their answers in order.
pub async fn all_at_once<T, F>(n: usize, call: impl Fn(usize) -> F) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let running: Vec<_> = (0..n).map(|i| tokio::spawn(call(i))).collect();
    let mut answers = Vec::with_capacity(n);
    for task in running {
        answers.push(task.await.unwrap());
    }
    answers
}

pub async fn sixty_four_landers_of_other_bytes_have_one_winner(catalog: &Catalog) {
    let outcomes = all_at_once(64, |i| {
        let catalog = catalog.clone();
        async move {
            catalog
                .land_mod(new_mod(QUOTE, &format!("bytes {i}")))
                .await
                .unwrap()
        }
    })
    .await;
    let kept = catalog
        .find_version("prod", &module(QUOTE))
        .await
        .unwrap()
        .unwrap();
    let mut winners = 0;
    for (i, outcome) in outcomes.into_iter().enumerate() {
        match outcome {
            ModLanding::Landed { seq, first } => {
                assert_eq!((seq, first), (1, true));
                assert_eq!(kept.info, new_mod(QUOTE, &format!("bytes {i}")).info);
                winners += 1;
            }
            ModLanding::Conflict { stored } => assert_eq!(*stored, kept),
            ModLanding::Withheld { .. } => panic!("nothing was withdrawn"),
        }
    }
    assert_eq!(winners, 1);
    assert_eq!(catalog.landings_since(0, 100).await.unwrap().len(), 1);
}

pub async fn sixty_four_landers_of_the_same_bytes_have_one_first(catalog: &Catalog) {
    let outcomes = all_at_once(64, |_| {
        let catalog = catalog.clone();
        async move { catalog.land_mod(new_mod(QUOTE, "x")).await.unwrap() }
    })
    .await;
    let firsts = outcomes.iter().filter(|outcome| {
        matches!(
            outcome,
            ModLanding::Landed {
                seq: 1,
                first: true
            }
        )
    });
    assert_eq!(firsts.count(), 1);
    assert!(
        outcomes
            .iter()
            .all(|outcome| matches!(outcome, ModLanding::Landed { seq: 1, .. }))
    );
}

pub async fn five_hundred_landings_are_numbered_without_gaps(catalog: &Catalog) {
    // Every fifth is a conflict, which must not use up a number.
    let outcomes = all_at_once(500, |i| {
        let catalog = catalog.clone();
        async move {
            let of = format!("example.com/m{}@v1.0.0", i - usize::from(i % 5 == 4));
            catalog
                .land_mod(new_mod(&of, &i.to_string()))
                .await
                .unwrap()
        }
    })
    .await;
    let seqs: BTreeSet<u64> = outcomes
        .iter()
        .filter_map(|outcome| match outcome {
            ModLanding::Landed { seq, first: true } => Some(*seq),
            _ => None,
        })
        .collect();
    assert_eq!(seqs, (1..=400).collect());
    let told: Vec<u64> = catalog
        .landings_since(0, 1000)
        .await
        .unwrap()
        .iter()
        .map(|landing| landing.seq)
        .collect();
    assert_eq!(told, (1..=400).collect::<Vec<_>>());
    assert_eq!(catalog.count_versions().await.unwrap(), 400);
}

pub async fn sixty_four_zips_have_one_winner(catalog: &Catalog) {
    catalog.land_mod(new_mod(QUOTE, "x")).await.unwrap();
    let zip = |i: usize| catalog::StoredZip {
        digest: digest(&format!("packed {i}")),
        ..zip_of(QUOTE, "x")
    };
    let outcomes = all_at_once(64, |i| {
        let catalog = catalog.clone();
        async move { catalog.land_zip(&module(QUOTE), zip(i)).await.unwrap() }
    })
    .await;
    let kept = catalog
        .find_version("prod", &module(QUOTE))
        .await
        .unwrap()
        .unwrap()
        .zip
        .unwrap();
    let winners: Vec<usize> = (0..64)
        .filter(|i| matches!(outcomes[*i], ZipLanding::Landed { first: true }))
        .collect();
    assert_eq!(winners.len(), 1);
    assert_eq!(kept, zip(winners[0]));
    for (i, outcome) in outcomes
        .iter()
        .enumerate()
        .filter(|(i, _)| *i != winners[0])
    {
        assert!(
            matches!(outcome, ZipLanding::Conflict { stored } if stored.zip == Some(kept)),
            "{i}: {outcome:?}"
        );
    }
}

pub async fn a_failing_neighbour_hurts_nobody(catalog: &Catalog) {
    let outcomes = all_at_once(200, |i| {
        let catalog = catalog.clone();
        async move {
            let of = format!("example.com/m{i}@v1.0.0");
            if i % 3 == 0 {
                return match catalog.land_zip(&module(&of), zip_of(&of, "x")).await {
                    Err(CatalogError::NoVersion { .. }) => None,
                    outcome => panic!("a zip without its version: {outcome:?}"),
                };
            }
            Some(catalog.land_mod(new_mod(&of, "x")).await.unwrap())
        }
    })
    .await;
    let landed = outcomes.iter().flatten().count() as u64;
    assert!(
        outcomes
            .iter()
            .flatten()
            .all(|outcome| matches!(outcome, ModLanding::Landed { first: true, .. }))
    );
    assert_eq!(catalog.last_seq().await.unwrap(), landed);
    assert_eq!(
        catalog.list_all("prod", 0, 1000).await.unwrap().len() as u64,
        landed
    );
}

pub async fn readers_see_what_was_answered(catalog: &Catalog) {
    let seen = all_at_once(50, |i| {
        let catalog = catalog.clone();
        async move {
            let of = format!("example.com/m{i}@v1.0.0");
            catalog.land_mod(new_mod(&of, "x")).await.unwrap();
            let bare = catalog
                .find_version("prod", &module(&of))
                .await
                .unwrap()
                .unwrap();
            catalog
                .land_zip(&module(&of), zip_of(&of, "x"))
                .await
                .unwrap();
            let whole = catalog
                .find_version("prod", &module(&of))
                .await
                .unwrap()
                .unwrap();
            (bare.zip.is_none(), whole.zip.is_some())
        }
    })
    .await;
    assert!(seen.iter().all(|both| *both == (true, true)));
}

pub async fn a_caller_that_goes_away_leaves_no_half(catalog: &Catalog) {
    for i in 0..100_u64 {
        let of = format!("example.com/m{i}@v1.0.0");
        let going = tokio::spawn({
            let (catalog, of) = (catalog.clone(), of.clone());
            async move { catalog.land_mod(new_mod(&of, "x")).await }
        });
        tokio::time::sleep(std::time::Duration::from_micros(i * 20)).await;
        going.abort();
        let _ = going.await;
    }
    // What came through is whole: each landing has its version and its membership, and numbers have no gaps.
    let landed = catalog.land_mod(new_mod(QUOTE, "x")).await.unwrap();
    let landings = catalog.landings_since(0, 1000).await.unwrap();
    assert_eq!(
        landings.iter().map(|l| l.seq).collect::<Vec<_>>(),
        (1..=landings.len() as u64).collect::<Vec<_>>()
    );
    assert_eq!(
        landed,
        ModLanding::Landed {
            seq: landings.len() as u64,
            first: true
        }
    );
    assert_eq!(
        catalog.list_all("prod", 0, 1000).await.unwrap().len(),
        landings.len()
    );
    assert_eq!(
        catalog.count_versions().await.unwrap(),
        landings.len() as u64
    );
}
