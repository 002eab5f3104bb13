//! One contract for the rows and for the queue on them, over memory, SQLite and a real PostgreSQL.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr
)]

mod support;

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use queue::table::{Batch, MemoryTable, Row};
use queue::{
    Durability, JobId, JobState, Outcome, Priority, Progress, Queue, QueueError, RetryPlan,
    Settings,
};
use sqlx::{Connection as _, PgConnection};
use support::postgres::Server;
use support::{Backend, SOON, Watched, durable, echo, fleeting, handler, job, quick, until};
use tokio::sync::Semaphore;

macro_rules! contract {
    ($($check:ident),* $(,)?) => {
        #[tokio::test]
        async fn memory_keeps_the_contract() {
            $(
                println!("memory: {}", stringify!($check));
                $check(Backend::Memory(Arc::new(MemoryTable::new()))).await;
            )*
        }

        #[tokio::test]
        async fn sqlite_keeps_the_contract() {
            $(
                println!("sqlite: {}", stringify!($check));
                let folder = tempfile::tempdir().unwrap();
                $check(Backend::Sqlite(folder.path().join("queue.db"))).await;
            )*
        }

        #[tokio::test]
        async fn postgres_keeps_the_contract() {
            let Some(mut server) = Server::start().await else { return };
            $(
                println!("postgres: {}", stringify!($check));
                $check(Backend::Postgres(server.database().await)).await;
            )*
            println!("postgres: two processes");
            check_rows_of_two_processes(Backend::Postgres(server.database().await)).await;
            check_lease_from_the_future(&server.database().await).await;
            check_rows_go_to_one_of_many(Backend::Postgres(server.database().await)).await;
            check_jobs_of_two_processes(Backend::Postgres(server.database().await)).await;
            check_rows_of_a_dead_process_are_taken(Backend::Postgres(server.database().await)).await;
            check_claim_without_an_answer(&server.database().await).await;
            check_other_ledgers_stay(&server.database().await).await;
            check_lost_connections_come_back(&server.database().await).await;
        }
    };
}

contract!(
    check_rows_come_back_as_written,
    check_rows_are_replaced_and_deleted,
    check_dead_rows,
    check_one_run_for_64_submitters,
    check_waiter_that_goes_cancels_nothing,
    check_priorities,
    check_panic_fails_only_its_job,
    check_retries,
    check_dead_jobs_can_be_asked_again,
    check_restart_runs_unfinished_jobs_only,
    check_acknowledged_jobs_are_on_disk,
    check_drain,
    check_full_queue,
    check_table_that_is_down_stops_no_work,
    check_table_that_is_down_at_the_start,
);

fn row(id: &str) -> Row {
    Row {
        id: id.into(),
        kind: "k".to_owned(),
        payload: vec![0, 1, 0xff, b'"', b'\''].into(),
        priority: Priority::Request,
        acknowledged: true,
        attempts: 3,
        run_at_ms: 1_234_567_890_123,
        died_at_ms: None,
        message: "it's \"said\" – é 漢\n".to_owned(),
    }
}

fn saves(rows: impl IntoIterator<Item = Row>) -> Batch {
    Batch {
        saves: rows.into_iter().collect(),
        ..Batch::default()
    }
}

async fn check_rows_come_back_as_written(backend: Backend) {
    let table = backend.table().await;
    let other = Row {
        payload: "".into(),
        acknowledged: false,
        priority: Priority::Behind,
        ..row("B")
    };
    let rows = [
        row("a"),
        other.clone(),
        row("é/!x@v1.0.0"),
        row("a/b"),
        row("z"),
    ];
    assert!(
        table
            .apply(&Batch {
                acknowledged: true,
                ..saves(rows)
            })
            .await
            .unwrap()
            .is_empty()
    );
    table.release().await.unwrap();
    let want = [other, row("a"), row("a/b"), row("z"), row("é/!x@v1.0.0")];
    assert_eq!(
        backend.rows().await,
        want,
        "in the order of their ids' bytes"
    );
}

async fn check_rows_are_replaced_and_deleted(backend: Backend) {
    let table = backend.table().await;
    table.apply(&Batch::default()).await.unwrap();
    table
        .apply(&saves([row("a"), row("b"), row("c")]))
        .await
        .unwrap();
    let newer = Row {
        attempts: 7,
        acknowledged: false,
        payload: "new".into(),
        ..row("a")
    };
    let batch = Batch {
        deletes: vec!["b".into(), "nothing".into()],
        ..saves([newer.clone()])
    };
    table.apply(&batch).await.unwrap();
    table.apply(&batch).await.unwrap();
    table.release().await.unwrap();
    assert_eq!(backend.rows().await, [newer, row("c")]);
}

async fn check_dead_rows(backend: Backend) {
    let table = backend.table().await;
    let dead = |id: &str, at| Row {
        died_at_ms: Some(at),
        ..row(id)
    };
    table
        .apply(&saves([
            dead("a", 10),
            dead("b", 30),
            dead("c", 20),
            dead("d", 40),
            row("alive"),
        ]))
        .await
        .unwrap();
    let ids = |dead: Vec<queue::Dead>| {
        dead.into_iter()
            .map(|dead| dead.id.to_string())
            .collect::<Vec<_>>()
    };
    let listed = table.list_dead(2).await.unwrap();
    assert_eq!(
        (
            listed[0].died_at_ms,
            listed[0].attempts,
            listed[0].message.clone()
        ),
        (40, 3, row("d").message)
    );
    assert_eq!(ids(listed), ["d", "b"]);
    assert_eq!(table.prune_dead(20, 10).await.unwrap(), 1);
    assert_eq!(ids(table.list_dead(9).await.unwrap()), ["d", "b", "c"]);
    assert_eq!(table.prune_dead(0, 1).await.unwrap(), 2);
    assert_eq!(ids(table.list_dead(9).await.unwrap()), ["d"]);
    table.release().await.unwrap();
    assert_eq!(backend.rows().await, [row("alive")]);
}

async fn check_one_run_for_64_submitters(backend: Backend) {
    let queue = backend.queue().await;
    let runs = Arc::new(AtomicUsize::new(0));
    let gate = Arc::new(Semaphore::new(0));
    let (seen, opened) = (Arc::clone(&runs), Arc::clone(&gate));
    let run = handler(move |_, context| {
        let (seen, opened) = (Arc::clone(&seen), Arc::clone(&opened));
        async move {
            seen.fetch_add(1, Ordering::SeqCst);
            context.report(Progress {
                done: 1,
                total: 2,
                line: "half".to_owned(),
            });
            drop(opened.acquire().await);
            context.log("whole");
            Outcome::Done("answer".into())
        }
    });
    queue.register("k", 8, run);
    queue.start().await;
    let submitters: Vec<_> = (0..64)
        .map(|n| {
            let queue = queue.clone();
            let durability = if n % 2 == 0 {
                Durability::Durable
            } else {
                Durability::Fleeting
            };
            tokio::spawn(async move {
                queue
                    .submit(job("k", "same", Priority::Client, durability))
                    .wait(SOON)
                    .await
            })
        })
        .collect();
    let ticket = queue.submit(durable("same"));
    let mut progress = ticket.progress();
    tokio::time::timeout(SOON, progress.wait_for(|progress| progress.done == 1))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(ticket.wait(Duration::from_millis(1)).await, None);
    tokio::task::yield_now().await;
    gate.add_permits(64);
    for submitter in submitters {
        assert_eq!(
            submitter.await.unwrap(),
            Some(Outcome::Done("answer".into()))
        );
    }
    assert_eq!(runs.load(Ordering::SeqCst), 1);
    assert_eq!(ticket.lines(), ["half", "whole"]);
    assert!(queue.drain(SOON).await.flushed);
    assert!(backend.rows().await.is_empty());
}

async fn check_waiter_that_goes_cancels_nothing(backend: Backend) {
    let queue = backend.queue().await;
    let gate = Arc::new(Semaphore::new(0));
    let ended = Arc::new(AtomicBool::new(false));
    let (opened, end) = (Arc::clone(&gate), Arc::clone(&ended));
    let run = handler(move |_, _| {
        let (opened, end) = (Arc::clone(&opened), Arc::clone(&end));
        async move {
            drop(opened.acquire().await);
            end.store(true, Ordering::SeqCst);
            Outcome::Done("answer".into())
        }
    });
    queue.register("k", 1, run);
    queue.start().await;
    let stays = queue.submit(fleeting("a"));
    let goes = queue.submit(fleeting("a"));
    let waiting = tokio::spawn(async move { goes.wait(SOON).await });
    tokio::task::yield_now().await;
    waiting.abort();
    drop(queue.submit(fleeting("alone")));
    gate.add_permits(2);
    assert_eq!(stays.wait(SOON).await, Some(Outcome::Done("answer".into())));
    until("the job nobody waits for", || {
        queue.depths() == [("k".to_owned(), 0, 0)]
    })
    .await;
    assert!(ended.load(Ordering::SeqCst));
    queue.drain(SOON).await;
}

async fn check_priorities(backend: Backend) {
    let queue = backend.queue().await;
    let order = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&order);
    let run = handler(move |job, _| {
        noted.lock().unwrap().push(job.id.to_string());
        async { Outcome::Done("".into()) }
    });
    queue.register("k", 1, run);
    let submit = |id: &str, priority| queue.submit(job("k", id, priority, Durability::Fleeting));
    let tickets = [
        submit("behind", Priority::Behind),
        submit("raised", Priority::Behind),
        submit("request", Priority::Request),
        submit("client", Priority::Client),
        submit("raised", Priority::Client),
    ];
    queue.start().await;
    for ticket in tickets {
        ticket.wait(SOON).await.unwrap();
    }
    assert_eq!(
        *order.lock().unwrap(),
        ["raised", "client", "request", "behind"]
    );
    queue.drain(SOON).await;
}

async fn check_panic_fails_only_its_job(backend: Backend) {
    let queue = backend.queue().await;
    let run = handler(|job, _| async move {
        assert!(!job.id.as_str().starts_with("bad"), "no good: {}", job.id);
        Outcome::Done("fine".into())
    });
    queue.register("k", 1, run);
    queue.start().await;
    let bad = queue.submit(durable("bad")).wait(SOON).await;
    let message = "the handler panicked: no good: bad".to_owned();
    assert_eq!(
        bad,
        Some(Outcome::Failed {
            message,
            retry: false
        })
    );
    assert_eq!(
        queue.submit(durable("good")).wait(SOON).await,
        Some(Outcome::Done("fine".into()))
    );
    assert!(queue.drain(SOON).await.flushed);
    assert!(backend.rows().await.is_empty());
}

/// Fails `times` times with "try again", then answers; counts the runs.
fn fails(times: usize) -> (Arc<AtomicUsize>, Arc<dyn queue::Handler>) {
    let runs = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&runs);
    let run = handler(move |_, _| {
        let run = seen.fetch_add(1, Ordering::SeqCst);
        async move {
            match run < times {
                true => Outcome::Failed {
                    message: format!("try again {run}"),
                    retry: true,
                },
                false => Outcome::Done("at last".into()),
            }
        }
    });
    (runs, run)
}

async fn check_retries(backend: Backend) {
    let queue = backend.queue().await;
    let (runs, run) = fails(3);
    queue.register("k", 1, run);
    queue.start().await;
    let first = queue.submit(durable("a")).wait(SOON).await;
    assert_eq!(
        first,
        Some(Outcome::Failed {
            message: "try again 0".to_owned(),
            retry: true
        }),
        "waiters hear at once"
    );
    until("the last try", || queue.find(&"a".into()).is_none()).await;
    assert_eq!(runs.load(Ordering::SeqCst), 4);
    let fleeting = queue.submit(fleeting("b")).wait(SOON).await;
    assert_eq!(fleeting, Some(Outcome::Done("at last".into())));
    assert!(queue.drain(SOON).await.flushed);
    assert!(backend.rows().await.is_empty());
}

async fn check_dead_jobs_can_be_asked_again(backend: Backend) {
    let queue = backend.queue().await;
    let (runs, run) = fails(8);
    queue.register("k", 1, run);
    queue.start().await;
    queue.submit(durable("a")).wait(SOON).await.unwrap();
    until("the last try", || queue.find(&"a".into()).is_none()).await;
    assert_eq!(runs.load(Ordering::SeqCst), 8);
    let mut dead = Vec::new();
    while dead.is_empty() {
        dead = queue.list_dead(10).await.unwrap();
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    assert_eq!(
        (
            dead[0].id.as_str(),
            dead[0].attempts,
            dead[0].message.as_str()
        ),
        ("a", 8, "try again 7")
    );
    assert_eq!(
        queue.submit(durable("a")).wait(SOON).await,
        Some(Outcome::Done("at last".into()))
    );
    assert!(queue.drain(SOON).await.flushed);
    assert!(backend.rows().await.is_empty());
}

/// Jobs whose id starts with "stuck" never end; notes every start.
fn stuck() -> (Arc<Mutex<Vec<String>>>, Arc<dyn queue::Handler>) {
    let started = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&started);
    let run = handler(move |job, _| {
        noted.lock().unwrap().push(job.id.to_string());
        async move {
            if job.id.as_str().starts_with("stuck") {
                std::future::pending::<()>().await;
            }
            Outcome::Done(job.payload)
        }
    });
    (started, run)
}

async fn check_restart_runs_unfinished_jobs_only(backend: Backend) {
    let watched = Watched::new(backend.table().await);
    let queue = Queue::with_table(
        Arc::clone(&watched) as Arc<dyn queue::table::Table>,
        quick(),
    )
    .await
    .unwrap();
    let (_, run) = stuck();
    queue.register("k", 2, run);
    queue.start().await;
    for n in 0..20 {
        queue
            .submit(durable(&format!("done {n}")))
            .wait(SOON)
            .await
            .unwrap();
    }
    // Two run, one is in line; then the process goes without a word.
    for id in ["stuck 1", "stuck 2", "stuck 3"] {
        queue.submit(durable(id));
    }
    queue.submit(fleeting("stuck fleeting"));
    let ticket = queue.submit_acknowledged(durable("stuck 4")).await.unwrap();
    assert_eq!(ticket.outcome(), None);
    drop(queue);
    watched.release_as_if_dead().await;

    let queue = backend.queue().await;
    let run = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&run);
    let note = handler(move |job, _| {
        noted
            .lock()
            .unwrap()
            .push((job.id.to_string(), job.payload.clone()));
        async { Outcome::Done("".into()) }
    });
    queue.register("k", 1, note);
    assert_eq!(queue.start().await, 4);
    until("all of them", || queue.depths() == [("k".to_owned(), 0, 0)]).await;
    let mut run = run.lock().unwrap().clone();
    run.sort();
    let want = |n: usize| (format!("stuck {n}"), format!("payload of stuck {n}").into());
    assert_eq!(run, [want(1), want(2), want(3), want(4)]);
    assert!(
        matches!(queue.find(&"stuck 4".into()), Some(JobState::Ended(_))),
        "somebody may come back for it"
    );
    assert!(queue.drain(SOON).await.flushed);
    assert!(backend.rows().await.is_empty());
}

impl Watched {
    /// What the end of a process means for its rows, without waiting for the lease.
    async fn release_as_if_dead(&self) {
        self.inner.release().await.unwrap();
    }
}

async fn check_acknowledged_jobs_are_on_disk(backend: Backend) {
    // So slow to gather that only a hurried flush can pass.
    let settings = Settings {
        flush_every: Duration::from_secs(600),
        ..quick()
    };
    let table = backend.table().await;
    let queue = Queue::with_table(Arc::clone(&table), settings)
        .await
        .unwrap();
    let (_, run) = stuck();
    queue.register("k", 64, run);
    queue.start().await;
    let ask = |n: usize| {
        let queue = queue.clone();
        async move {
            queue
                .submit_acknowledged(durable(&format!("stuck {n:02}")))
                .await
                .map(drop)
        }
    };
    futures_util::future::try_join_all((0..32).map(ask))
        .await
        .unwrap();
    let ended = queue.submit_acknowledged(durable("act")).await.unwrap();
    let outcome = Outcome::Done("payload of act".into());
    assert_eq!(ended.wait(SOON).await, Some(outcome.clone()));
    assert_eq!(
        queue.find(&"act".into()),
        Some(JobState::Ended(outcome.clone()))
    );
    assert_eq!(
        queue.ticket(&"act".into()).unwrap().wait(SOON).await,
        Some(outcome)
    );
    assert_eq!(queue.find(&"stuck 00".into()), Some(JobState::Running));
    assert!(queue.ticket(&"never".into()).is_none());
    drop(queue);
    table.release().await.unwrap();
    let rows = backend.rows().await;
    assert_eq!(
        rows.iter()
            .filter(|row| row.id.as_str().starts_with("stuck"))
            .count(),
        32
    );
    assert!(rows.iter().all(|row| row.acknowledged));
}

async fn check_drain(backend: Backend) {
    let queue = backend.queue().await;
    let gate = Arc::new(Semaphore::new(0));
    let opened = Arc::clone(&gate);
    let run = handler(move |_, context| {
        let opened = Arc::clone(&opened);
        async move {
            assert!(!context.is_draining());
            drop(opened.acquire().await);
            assert!(context.is_draining());
            Outcome::Done("ran to its end".into())
        }
    });
    queue.register("k", 1, run);
    queue.register("forever", 1, stuck().1);
    queue.start().await;
    let running = queue.submit(durable("running"));
    until("its start", || {
        queue.find(&"running".into()) == Some(JobState::Running)
    })
    .await;
    let queued = queue.submit(durable("queued"));
    let lost = queue.submit(fleeting("lost"));
    let draining = tokio::spawn({
        let queue = queue.clone();
        async move { queue.drain(SOON).await }
    });
    assert_eq!(queued.wait(SOON).await, Some(Outcome::Cancelled));
    assert_eq!(lost.wait(SOON).await, Some(Outcome::Cancelled));
    let late = queue.submit(durable("late")).outcome();
    assert!(
        matches!(late, Some(Outcome::Failed { retry: true, .. })),
        "{late:?}"
    );
    let late = queue.submit_acknowledged(durable("late")).await.err();
    assert!(
        matches!(late, Some(QueueError::Refused { retry: true, .. })),
        "{late:?}"
    );
    gate.add_permits(1);
    let drained = draining.await.unwrap();
    assert_eq!((drained.unfinished, drained.flushed), (0, true));
    assert_eq!(
        running.outcome(),
        Some(Outcome::Done("ran to its end".into()))
    );

    let queue = backend.queue().await;
    queue.register("k", 1, echo());
    queue.register("forever", 1, stuck().1);
    assert_eq!(queue.start().await, 1, "what was in line");
    until("its end", || queue.find(&"queued".into()).is_none()).await;
    let endless = queue.submit(job(
        "forever",
        "stuck",
        Priority::Client,
        Durability::Durable,
    ));
    until("its start", || {
        queue.find(&"stuck".into()) == Some(JobState::Running)
    })
    .await;
    let drained = queue.drain(Duration::from_millis(10)).await;
    assert_eq!((drained.unfinished, drained.flushed), (1, true));
    assert_eq!(endless.outcome(), Some(Outcome::Cancelled));
    let left = backend.rows().await;
    assert_eq!(
        left.iter().map(|row| row.id.as_str()).collect::<Vec<_>>(),
        ["stuck"]
    );
    assert_eq!(left[0].attempts, 0, "an orderly stop does not count");
}

async fn check_full_queue(backend: Backend) {
    let settings = Settings {
        queued_per_kind_max: 3,
        ..quick()
    };
    let queue = Queue::with_table(backend.table().await, settings)
        .await
        .unwrap();
    queue.register("k", 1, echo());
    let taken: Vec<_> = ["a", "b", "c"].map(|id| queue.submit(fleeting(id))).into();
    let full = Some(Outcome::Failed {
        message: "queue is full".to_owned(),
        retry: true,
    });
    assert_eq!(queue.submit(fleeting("d")).outcome(), full);
    assert!(matches!(
        queue.submit_acknowledged(durable("d")).await,
        Err(QueueError::Refused { retry: true, .. })
    ));
    assert_eq!(
        queue
            .submit(job("other", "e", Priority::Client, Durability::Fleeting))
            .outcome(),
        None
    );
    queue.start().await;
    for ticket in taken {
        assert!(matches!(ticket.wait(SOON).await, Some(Outcome::Done(_))));
    }
    assert!(matches!(
        queue.submit(fleeting("d")).wait(SOON).await,
        Some(Outcome::Done(_))
    ));
    queue.drain(SOON).await;
}

async fn check_table_that_is_down_stops_no_work(backend: Backend) {
    let watched = Watched::new(backend.table().await);
    let queue = Queue::with_table(
        Arc::clone(&watched) as Arc<dyn queue::table::Table>,
        quick(),
    )
    .await
    .unwrap();
    queue.register("k", 4, stuck().1);
    queue.start().await;
    assert!(queue.is_healthy());
    watched.set_down(true);
    queue.submit(durable("stuck"));
    until("the alarm", || !queue.is_healthy()).await;
    for n in 0..20 {
        let outcome = queue.submit(durable(&format!("{n}"))).wait(SOON).await;
        assert!(matches!(outcome, Some(Outcome::Done(_))), "{outcome:?}");
    }
    let told = queue.submit_acknowledged(durable("stuck 2")).await;
    assert!(
        matches!(told, Err(QueueError::NotWritten { .. })),
        "{:?}",
        told.err()
    );
    watched.set_down(false);
    queue.submit_acknowledged(durable("stuck 2")).await.unwrap();
    until("the all-clear", || queue.is_healthy()).await;
    assert_eq!(queue.drain(Duration::ZERO).await.unfinished, 2);
    let left = backend.rows().await;
    assert_eq!(
        left.iter().map(|row| row.id.as_str()).collect::<Vec<_>>(),
        ["stuck", "stuck 2"]
    );
}

async fn check_table_that_is_down_at_the_start(backend: Backend) {
    let table = backend.table().await;
    table
        .apply(&saves([Row {
            attempts: 0,
            run_at_ms: 0,
            ..row("from before")
        }]))
        .await
        .unwrap();
    table.release().await.unwrap();
    let watched = Watched::new(backend.table().await);
    let settings = Settings {
        lease: Duration::from_millis(60),
        ..quick()
    };
    let queue = Queue::with_table(
        Arc::clone(&watched) as Arc<dyn queue::table::Table>,
        settings,
    )
    .await
    .unwrap();
    let (started, run) = stuck();
    queue.register("k", 4, run);
    watched.set_down(true);
    assert_eq!(queue.start().await, 0);
    assert!(!queue.is_healthy());
    assert!(matches!(
        queue.submit(fleeting("now")).wait(SOON).await,
        Some(Outcome::Done(_))
    ));
    watched.set_down(false);
    until("the row from before", || {
        started.lock().unwrap().contains(&"from before".to_owned())
    })
    .await;
    until("the all-clear", || queue.is_healthy()).await;
    assert!(queue.drain(SOON).await.flushed);
}

async fn check_rows_of_two_processes(backend: Backend) {
    let (a, b) = (backend.table().await, backend.table().await);
    a.renew(SOON).await.unwrap();
    b.renew(SOON).await.unwrap();
    a.apply(&saves([row("x"), row("y")])).await.unwrap();
    let mine = Row {
        attempts: 0,
        ..row("x")
    };
    assert_eq!(
        b.apply(&saves([mine, row("z")])).await.unwrap(),
        ["x".into()]
    );
    b.apply(&Batch {
        deletes: vec!["x".into()],
        ..Batch::default()
    })
    .await
    .unwrap();
    assert!(
        a.claim(None, 10).await.unwrap().is_empty() && b.claim(None, 10).await.unwrap().is_empty()
    );
    a.release().await.unwrap();
    assert_eq!(b.claim(None, 10).await.unwrap(), [row("x"), row("y")]);
    b.release().await.unwrap();
}

/// The database's clock was a day ahead when a process renewed its lease and died; then it was set right.
async fn check_lease_from_the_future(url: &str) {
    let backend = Backend::Postgres(url.to_owned());
    let (dead, next) = (backend.table().await, backend.table().await);
    dead.renew(SOON).await.unwrap();
    dead.apply(&saves([row("x")])).await.unwrap();
    next.renew(SOON).await.unwrap();
    assert!(next.claim(None, 10).await.unwrap().is_empty(), "it lives");
    let mut connection = PgConnection::connect(url).await.unwrap();
    sqlx::query("update job_owners set lease_until = lease_until + interval '1 day'")
        .execute(&mut connection)
        .await
        .unwrap();
    next.renew(SOON).await.unwrap();
    assert!(
        next.apply(&saves([row("x")])).await.unwrap().is_empty(),
        "the row is taken over"
    );
    dead.apply(&saves([row("y")])).await.unwrap();
    assert_eq!(next.claim(None, 10).await.unwrap(), [row("y")]);
    next.release().await.unwrap();
}

/// Several processes that come at once share the rows of a dead one, each row going to one of them.
async fn check_rows_go_to_one_of_many(backend: Backend) {
    for round in 0..5 {
        let table = backend.table().await;
        let ids: Vec<String> = (0..200).map(|n| format!("{round}/{n:03}")).collect();
        table
            .apply(&saves(ids.iter().map(|id| row(id))))
            .await
            .unwrap();
        table.release().await.unwrap();
        let claim = |table: Arc<dyn queue::table::Table>| async move {
            table.renew(SOON).await.unwrap();
            let mut claimed: Vec<JobId> = Vec::new();
            loop {
                let page = table.claim(None, 20).await.unwrap();
                if page.is_empty() {
                    return claimed;
                }
                claimed.extend(page.into_iter().map(|row| row.id));
            }
        };
        let tables = [
            backend.table().await,
            backend.table().await,
            backend.table().await,
        ];
        let mut claimed = futures_util::future::join_all(tables.iter().cloned().map(claim))
            .await
            .concat();
        claimed.sort();
        assert_eq!(claimed.iter().map(JobId::as_str).collect::<Vec<_>>(), ids);
    }
}

async fn check_jobs_of_two_processes(backend: Backend) {
    let settings = Settings {
        lease: SOON,
        ..quick()
    };
    let queue = || async {
        Queue::with_table(backend.table().await, settings.clone())
            .await
            .unwrap()
    };
    let (a, b) = (queue().await, queue().await);
    let gate = Arc::new(Semaphore::new(0));
    let at_once = Arc::new(AtomicUsize::new(0));
    let runs = Arc::new(AtomicUsize::new(0));
    for queue in [&a, &b] {
        let (gate, at_once, runs) = (Arc::clone(&gate), Arc::clone(&at_once), Arc::clone(&runs));
        let run = handler(move |_, _| {
            let (gate, at_once, runs) =
                (Arc::clone(&gate), Arc::clone(&at_once), Arc::clone(&runs));
            async move {
                assert_eq!(at_once.fetch_add(1, Ordering::SeqCst), 0, "two at once");
                runs.fetch_add(1, Ordering::SeqCst);
                drop(gate.acquire().await);
                at_once.fetch_sub(1, Ordering::SeqCst);
                Outcome::Done("".into())
            }
        });
        queue.register("k", 2, run);
        queue.start().await;
    }
    let id = JobId::from("a");
    let first = a.submit(durable("a"));
    until("its start", || runs.load(Ordering::SeqCst) == 1).await;
    let second = b.submit(durable("a"));
    until("b to see it", || b.find(&id) == Some(JobState::Elsewhere)).await;
    drop(b.submit(durable("a")));
    gate.add_permits(2);
    assert_eq!(first.wait(SOON).await, Some(Outcome::Done("".into())));
    assert_eq!(
        second.wait(SOON).await,
        Some(Outcome::Done("".into())),
        "run here once the other has ended"
    );
    assert_eq!(runs.load(Ordering::SeqCst), 2);
    a.drain(SOON).await;
    b.drain(SOON).await;
    assert!(backend.rows().await.is_empty());
}

async fn check_rows_of_a_dead_process_are_taken(backend: Backend) {
    let dead = backend.table().await;
    let unfinished = Row {
        attempts: 0,
        run_at_ms: 0,
        ..row("a")
    };
    dead.apply(&saves([unfinished])).await.unwrap();
    let queue = backend.queue().await;
    let (started, run) = stuck();
    queue.register("k", 1, run);
    dead.renew(Duration::from_secs(2)).await.unwrap();
    assert_eq!(queue.start().await, 0, "its lease still runs");
    until("the end of the lease", || *started.lock().unwrap() == ["a"]).await;
    queue.drain(SOON).await;
}

/// The catalog keeps its migrations in the same database, under sqlx's default name.
/// A process stops waiting for a claim that the server goes on with: the rows are its own then, and it must see them.
async fn check_claim_without_an_answer(url: &str) {
    let backend = Backend::Postgres(url.to_owned());
    let (dead, next) = (backend.table().await, backend.table().await);
    next.renew(SOON).await.unwrap();
    dead.apply(&saves([row("x")])).await.unwrap();
    assert!(next.claim(None, 10).await.unwrap().is_empty(), "it lives");
    let mut hand = PgConnection::connect(url).await.unwrap();
    let find_owner = "select owner from jobs where id = 'x'";
    let owner_before: String = sqlx::query_scalar(find_owner)
        .fetch_one(&mut hand)
        .await
        .unwrap();
    dead.release().await.unwrap();
    // A claim stands still in its midst for as long as the lock is held.
    let stop = "
        create function stand_still() returns trigger language plpgsql as $$
            begin perform pg_advisory_xact_lock(1); return new; end $$;
        create trigger stand_still before update on jobs for each row execute function stand_still();
        select pg_advisory_lock(1);";
    sqlx::raw_sql(stop).execute(&mut hand).await.unwrap();
    let count_waiting = "select count(*) from pg_locks where not granted";
    let waits = async {
        loop {
            let waiting: i64 = sqlx::query_scalar(count_waiting)
                .fetch_one(&mut hand)
                .await
                .unwrap();
            if waiting > 0 {
                return;
            }
        }
    };
    tokio::select! {
        answer = next.claim(None, 10) => panic!("answered under a lock: {answer:?}"),
        () = waits => {}
    }
    let go_on = "select pg_advisory_unlock(1)";
    sqlx::raw_sql(go_on).execute(&mut hand).await.unwrap();
    let begun = std::time::Instant::now();
    loop {
        let owner: String = sqlx::query_scalar(find_owner)
            .fetch_one(&mut hand)
            .await
            .unwrap();
        if owner != owner_before {
            break;
        }
        assert!(begun.elapsed() < SOON, "the server forgot the claim");
    }
    assert_eq!(next.claim(None, 10).await.unwrap(), [row("x")]);
    assert!(
        next.claim(Some(&"x".into()), 10).await.unwrap().is_empty(),
        "page by page"
    );
    next.release().await.unwrap();
    hand.close().await.unwrap();
}

async fn check_other_ledgers_stay(url: &str) {
    use sqlx::Connection as _;
    let mut connection = sqlx::PgConnection::connect(url).await.unwrap();
    let other =
        "create table _sqlx_migrations (other integer); insert into _sqlx_migrations values (7)";
    sqlx::raw_sql(other).execute(&mut connection).await.unwrap();
    let queue = Queue::open(url).await.unwrap();
    assert_eq!(queue.drain(SOON).await.unfinished, 0);
    let kept: i32 = sqlx::query_scalar("select other from _sqlx_migrations")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert_eq!(kept, 7);
    connection.close().await.unwrap();
}

async fn check_lost_connections_come_back(url: &str) {
    use sqlx::Connection as _;
    let backend = Backend::Postgres(url.to_owned());
    let queue = backend.queue().await;
    queue.register("k", 4, stuck().1);
    queue.start().await;
    queue.submit_acknowledged(durable("stuck 1")).await.unwrap();
    let mut connection = sqlx::PgConnection::connect(url).await.unwrap();
    let cut = "select pg_terminate_backend(pid)
                 from pg_stat_activity
                where datname = current_database()
                  and pid <> pg_backend_pid()";
    sqlx::query(cut).execute(&mut connection).await.unwrap();
    let outcome = queue.submit(durable("at once")).wait(SOON).await;
    assert!(matches!(outcome, Some(Outcome::Done(_))), "{outcome:?}");
    // The first may meet the cut connection; the one after it must not.
    let mut told = queue
        .submit_acknowledged(durable("stuck 2"))
        .await
        .map(drop);
    if told.is_err() {
        told = queue
            .submit_acknowledged(durable("stuck 2"))
            .await
            .map(drop);
    }
    told.unwrap();
    assert!(queue.drain(Duration::ZERO).await.flushed);
    assert_eq!(backend.rows().await.len(), 2);
    connection.close().await.unwrap();
}

#[tokio::test]
async fn quick_durable_jobs_leave_no_row() {
    let settings = Settings {
        flush_every: Duration::from_secs(600),
        ..quick()
    };
    let watched = Watched::new(Arc::new(MemoryTable::new()));
    let queue = Queue::with_table(
        Arc::clone(&watched) as Arc<dyn queue::table::Table>,
        settings,
    )
    .await
    .unwrap();
    queue.register("k", 4, echo());
    queue.start().await;
    for n in 0..100 {
        queue
            .submit(durable(&n.to_string()))
            .wait(SOON)
            .await
            .unwrap();
    }
    assert!(queue.drain(SOON).await.flushed);
    assert_eq!(
        watched.saves.load(Ordering::SeqCst) + watched.deletes.load(Ordering::SeqCst),
        0
    );
}

#[tokio::test]
async fn retries_wait_longer_each_time() {
    let retry = RetryPlan {
        first: Duration::from_millis(20),
        ..RetryPlan::default()
    };
    let queue = Queue::with_table(Arc::new(MemoryTable::new()), Settings { retry, ..quick() })
        .await
        .unwrap();
    let starts = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&starts);
    let run = handler(move |_, _| {
        noted.lock().unwrap().push(Instant::now());
        let runs = noted.lock().unwrap().len();
        async move {
            match runs < 3 {
                true => Outcome::Failed {
                    message: "not yet".to_owned(),
                    retry: true,
                },
                false => Outcome::Done("".into()),
            }
        }
    });
    queue.register("k", 1, run);
    queue.start().await;
    queue.submit(durable("a")).wait(SOON).await.unwrap();
    until("the third run", || queue.find(&"a".into()).is_none()).await;
    let starts = starts.lock().unwrap().clone();
    assert!(
        starts[1] - starts[0] >= Duration::from_millis(15),
        "{starts:?}"
    );
    assert!(
        starts[2] - starts[1] >= Duration::from_millis(60),
        "{starts:?}"
    );
}

#[tokio::test]
async fn addresses_of_unknown_form_are_refused_without_being_repeated() {
    for url in ["", "mysql://user:secret@host/db", "queue.db", "sqlite"] {
        let error = Queue::open(url).await.err().expect("refused");
        assert!(matches!(error, QueueError::BadAddress));
        assert!(!error.to_string().contains("secret"));
    }
}

#[tokio::test]
async fn file_that_is_no_database_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("queue.db");
    std::fs::write(
        &path,
        "not a database, but long enough to be taken for one at first sight".repeat(100),
    )
    .unwrap();
    let error = Queue::open(&format!("sqlite:{}", path.display()))
        .await
        .err()
        .expect("refused");
    assert!(matches!(error, QueueError::Table(_)), "{error:?}");
}

/// Runs in a process of its own, started and killed by the test below it.
#[tokio::test]
#[ignore = "child of acknowledged_jobs_survive_kill_9"]
async fn child_acknowledges_jobs_until_it_is_killed() {
    let Ok(url) = std::env::var("QUEUE_TEST_URL") else {
        return;
    };
    let queue = Queue::open(&url).await.unwrap();
    queue.register("k", 4, stuck().1);
    queue.start().await;
    for n in 0.. {
        let id = format!("stuck {n:06}");
        queue.submit(durable(&format!("stuck unacknowledged {n}")));
        queue.submit_acknowledged(durable(&id)).await.unwrap();
        println!("acknowledged {id}");
    }
}

/// Starts the child, kills it once it has acknowledged `jobs` jobs; gives the acknowledged ids.
fn kill_child_after(url: &str, jobs: usize) -> Vec<String> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "--ignored",
            "--nocapture",
            "child_acknowledges_jobs_until_it_is_killed",
        ])
        .env("QUEUE_TEST_URL", url)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut acknowledged = Vec::new();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    while let Some(Ok(line)) = lines.next() {
        let Some((_, id)) = line.split_once("acknowledged ") else {
            continue;
        };
        acknowledged.push(id.to_owned());
        if acknowledged.len() == jobs {
            child.kill().unwrap(); // SIGKILL
        }
    }
    child.wait().unwrap();
    acknowledged
}

async fn check_kill_9(backend: Backend, url: &str) {
    let acknowledged = kill_child_after(url, 200);
    assert!(acknowledged.len() >= 200);
    // The lease of a process that was killed runs out; a file has none.
    let rows = match backend {
        Backend::Postgres(_) => backend.rows_whoever_has_them(url).await,
        _ => backend
            .rows()
            .await
            .into_iter()
            .map(|row| row.id.to_string())
            .collect(),
    };
    for id in &acknowledged {
        assert!(
            rows.contains(id),
            "{id} is lost of {} acknowledged, {} rows",
            acknowledged.len(),
            rows.len()
        );
    }
}

impl Backend {
    async fn rows_whoever_has_them(&self, url: &str) -> Vec<String> {
        use sqlx::Connection as _;
        let mut connection = sqlx::PgConnection::connect(url).await.unwrap();
        sqlx::query_scalar("select id from jobs where not dead")
            .fetch_all(&mut connection)
            .await
            .unwrap()
    }
}

#[tokio::test]
async fn acknowledged_jobs_survive_kill_9() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("queue.db");
    let url = format!("sqlite:{}", path.display());
    for _ in 0..3 {
        check_kill_9(Backend::Sqlite(path.clone()), &url).await;
    }
    let Some(mut server) = Server::start().await else {
        return;
    };
    let url = server.database().await;
    check_kill_9(Backend::Postgres(url.clone()), &url).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_thousand_fleeting_jobs_take_less_than_a_second_or_so() {
    let folder = tempfile::tempdir().unwrap();
    let queue = Queue::open(&format!(
        "sqlite:{}",
        folder.path().join("queue.db").display()
    ))
    .await
    .unwrap();
    queue.register("k", 16, echo());
    queue.start().await;
    let start = Instant::now();
    let tickets: Vec<_> = (0..20_000)
        .map(|n| queue.submit(fleeting(&n.to_string())))
        .collect();
    for ticket in &tickets {
        ticket.wait(SOON).await.unwrap();
    }
    let all = start.elapsed();
    let start = Instant::now();
    for n in 0..2_000 {
        queue
            .submit(durable(&format!("one by one {n}")))
            .wait(SOON)
            .await
            .unwrap();
    }
    println!(
        "20,000 fleeting jobs: {all:?}; one durable job, asked to answered: {:?}",
        start.elapsed() / 2_000
    );
    // Generous: the machine may be busy. Alone it takes a tenth.
    assert!(all < Duration::from_secs(5), "{all:?}");
    queue.drain(SOON).await;
}
