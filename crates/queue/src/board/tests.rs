//! Decisions of the board, with a clock of our own.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::*;
use crate::handler::JobContext;
use crate::job::Outcome;
use crate::table::Row;

struct Never;

#[async_trait]
impl Handler for Never {
    async fn run(&self, _job: &Job, _context: &JobContext) -> Outcome {
        Outcome::Cancelled
    }
}

/// A board with one kind, `k`, and a clock that stands still until told.
struct Table {
    board: Board,
    now: Now,
    /// Those who wait: without them a job is put behind.
    waiters: Vec<Arc<Flight>>,
}

impl Table {
    fn new(workers: usize, settings: Settings) -> Self {
        let mut board = Board::new(settings);
        drop(board.register("k", workers, Arc::new(Never)));
        drop(board.open());
        Self {
            board,
            now: Now {
                instant: Instant::now(),
                unix_ms: 1_000_000,
                roll: 0,
            },
            waiters: Vec::new(),
        }
    }

    fn pass(&mut self, time: Duration) -> Vec<String> {
        self.now.instant += time;
        self.now.unix_ms += time.as_millis() as i64;
        let acts = self.board.wake(self.now);
        ids(acts)
    }

    fn submit(&mut self, id: &str, priority: Priority) -> Vec<String> {
        self.submit_as(id, priority, Durability::Fleeting).unwrap()
    }

    fn submit_durable(&mut self, id: &str) -> Vec<String> {
        self.submit_as(id, Priority::Client, Durability::Durable)
            .unwrap()
    }

    fn submit_as(
        &mut self,
        id: &str,
        priority: Priority,
        durability: Durability,
    ) -> Result<Vec<String>, Refusal> {
        let asked = Asked {
            job: job(id, priority, durability),
            claim: false,
            acknowledge: None,
        };
        let (flight, acts) = self.board.submit(asked)?;
        self.waiters.push(flight);
        Ok(ids(acts))
    }

    fn claim(&mut self, id: &str) -> Arc<Flight> {
        let asked = Asked {
            job: job(id, Priority::Client, Durability::Durable),
            claim: true,
            acknowledge: None,
        };
        let (flight, acts) = self.board.submit(asked).unwrap();
        assert!(acts.starts.is_empty());
        flight
    }

    fn end(&mut self, id: &str, outcome: Outcome) -> Vec<String> {
        ids(self.board.complete(&id.into(), outcome, self.now))
    }

    fn state(&self, id: &str) -> Option<JobState> {
        self.board.find_state(&id.into(), self.now)
    }

    fn flush(&mut self) -> (Vec<Row>, Vec<JobId>) {
        let batch = self.board.changes.take().batch;
        (batch.saves, batch.deletes)
    }
}

fn job(id: &str, priority: Priority, durability: Durability) -> Job {
    Job {
        id: id.into(),
        kind: "k".to_owned(),
        payload: "p".into(),
        priority,
        durability,
    }
}

fn ids(acts: Acts) -> Vec<String> {
    for (flight, outcome) in acts.finished {
        flight.finish(outcome);
    }
    acts.starts
        .iter()
        .map(|start| start.job.id.to_string())
        .collect()
}

fn done() -> Outcome {
    Outcome::Done("yes".into())
}

fn again() -> Outcome {
    Outcome::Failed {
        message: "not now".to_owned(),
        retry: true,
    }
}

fn row(id: &str, attempts: u32, run_at_ms: i64) -> Row {
    Row {
        id: id.into(),
        kind: "k".to_owned(),
        payload: "p".into(),
        priority: Priority::Client,
        acknowledged: false,
        attempts,
        run_at_ms,
        died_at_ms: None,
        message: String::new(),
    }
}

#[test]
fn client_goes_before_request_before_behind_and_each_in_order() {
    let mut table = Table::new(1, Settings::default());
    assert_eq!(table.submit("first", Priority::Behind), ["first"]);
    for (id, priority) in [
        ("behind", Priority::Behind),
        ("request", Priority::Request),
        ("client 1", Priority::Client),
        ("client 2", Priority::Client),
    ] {
        assert!(table.submit(id, priority).is_empty());
    }
    assert_eq!(table.end("first", done()), ["client 1"]);
    assert_eq!(table.end("client 1", done()), ["client 2"]);
    assert_eq!(table.end("client 2", done()), ["request"]);
    assert_eq!(table.end("request", done()), ["behind"]);
    assert!(table.end("behind", done()).is_empty());
    assert_eq!(table.board.depths(), [("k".to_owned(), 0, 0)]);
}

#[test]
fn joining_raises_a_queued_job_and_never_lowers_it() {
    let mut table = Table::new(1, Settings::default());
    table.submit("first", Priority::Client);
    table.submit("a", Priority::Request);
    table.submit("b", Priority::Behind);
    table.submit("b", Priority::Client);
    table.submit("b", Priority::Behind);
    assert_eq!(table.board.depths(), [("k".to_owned(), 2, 1)]);
    assert_eq!(table.end("first", done()), ["b"]);
}

#[test]
fn a_job_that_nobody_waits_for_any_more_lets_the_others_pass() {
    let mut table = Table::new(1, Settings::default());
    table.submit("running", Priority::Client);
    for n in 0..3 {
        table.submit(&format!("left {n}"), Priority::Client);
    }
    table.waiters.clear();
    table.submit("request", Priority::Request);
    table.submit("stayed", Priority::Client);
    assert_eq!(table.end("running", done()), ["stayed"]);
    assert_eq!(table.end("stayed", done()), ["request"]);
    // Someone came back for the last of them.
    table.submit("left 2", Priority::Client);
    assert_eq!(table.end("request", done()), ["left 2"]);
    assert_eq!(table.end("left 2", done()), ["left 0"]);
    assert_eq!(table.end("left 0", done()), ["left 1"]);
}

#[test]
fn jobs_behind_leave_the_last_worker_free() {
    let mut table = Table::new(3, Settings::default());
    assert_eq!(table.submit("1", Priority::Behind), ["1"]);
    assert_eq!(table.submit("2", Priority::Behind), ["2"]);
    assert!(table.submit("3", Priority::Behind).is_empty());
    assert_eq!(table.submit("client", Priority::Client), ["client"]);
    assert!(table.end("client", done()).is_empty());
    assert_eq!(table.end("1", done()), ["3"]);
}

#[test]
fn raised_while_it_runs_a_job_no_longer_counts_as_behind() {
    let mut table = Table::new(3, Settings::default());
    table.submit("1", Priority::Behind);
    table.submit("2", Priority::Behind);
    assert!(table.submit("3", Priority::Behind).is_empty());
    assert_eq!(table.submit("1", Priority::Client), ["3"]);
}

#[test]
fn queue_is_full_at_its_bound_and_earlier_for_jobs_behind() {
    let mut table = Table::new(
        1,
        Settings {
            queued_per_kind_max: 10,
            ..Settings::default()
        },
    );
    table.submit("running", Priority::Client);
    for n in 0..9 {
        table.submit(&format!("behind {n}"), Priority::Behind);
    }
    assert_eq!(
        table.submit_as("behind", Priority::Behind, Durability::Fleeting),
        Err(Refusal::Full)
    );
    assert!(table.submit("client", Priority::Client).is_empty());
    assert_eq!(
        table.submit_as("client 2", Priority::Client, Durability::Fleeting),
        Err(Refusal::Full)
    );
    assert!(
        table.submit("behind 3", Priority::Client).is_empty(),
        "joining takes no room"
    );
}

#[test]
fn ids_and_payloads_are_bounded() {
    let mut table = Table::new(1, Settings::default());
    let mut check = |id: &str, bytes: usize, want: Option<Refusal>| {
        let job = Job {
            payload: vec![0; bytes].into(),
            ..job(id, Priority::Client, Durability::Durable)
        };
        let submitted = table.board.submit(Asked {
            job,
            claim: false,
            acknowledge: None,
        });
        assert_eq!(submitted.err(), want);
    };
    check("", 0, Some(Refusal::BadId));
    check("a\0b", 0, Some(Refusal::BadId));
    check(&"x".repeat(JobId::BYTES_MAX), 0, None);
    check(&"x".repeat(JobId::BYTES_MAX + 1), 0, Some(Refusal::BadId));
    check("payload", Job::PAYLOAD_BYTES_MAX, None);
    check(
        "payload too large",
        Job::PAYLOAD_BYTES_MAX + 1,
        Some(Refusal::PayloadTooLarge),
    );
}

#[test]
fn failed_durable_job_is_tried_again_on_schedule_and_then_given_up() {
    let mut table = Table::new(1, Settings::default());
    assert_eq!(table.submit_durable("a"), ["a"]);
    for (attempt, delay_seconds) in [
        (1, 1),
        (2, 4),
        (3, 16),
        (4, 64),
        (5, 256),
        (6, 900),
        (7, 900),
    ] {
        assert!(table.end("a", again()).is_empty());
        let retry_in = Duration::from_secs(delay_seconds);
        assert_eq!(
            table.state("a"),
            Some(JobState::Waiting {
                attempts: attempt,
                retry_in
            })
        );
        let (saves, _) = table.flush();
        assert_eq!(
            saves[0].run_at_ms,
            table.now.unix_ms + delay_seconds as i64 * 1000
        );
        assert!(table.pass(retry_in - Duration::from_millis(1)).is_empty());
        assert_eq!(table.pass(Duration::from_millis(1)), ["a"]);
    }
    assert!(table.end("a", again()).is_empty());
    assert_eq!(table.state("a"), None);
    let (saves, deletes) = table.flush();
    assert_eq!((saves.len(), deletes.len()), (1, 0));
    assert_eq!(
        (saves[0].attempts, saves[0].message.as_str()),
        (8, "not now")
    );
    assert_eq!(saves[0].died_at_ms, Some(table.now.unix_ms));
}

#[test]
fn a_job_put_off_runs_again_without_a_failure_and_without_a_write() {
    let settings = Settings::default();
    let attempts_max = settings.retry.attempts_max;
    let mut table = Table::new(1, settings);
    let after = Duration::from_secs(10);
    let later = || Outcome::Later {
        answer: "not now".into(),
        why: "no room".to_owned(),
        after: Some(after),
    };
    assert_eq!(table.submit_durable("a"), ["a"]);
    assert_eq!(table.flush().0.len(), 1);
    for _ in 0..attempts_max + 2 {
        assert!(table.end("a", later()).is_empty());
        assert_eq!(
            table.state("a"),
            Some(JobState::Waiting {
                attempts: 0,
                retry_in: after
            })
        );
        assert_eq!(table.pass(after), ["a"]);
        assert!(table.flush().0.is_empty(), "its row says all already");
    }
    assert!(table.end("a", done()).is_empty());
    assert_eq!(table.flush().1, ["a".into()]);
    // As a failure, where no time is given; and a fleeting one is over.
    assert_eq!(table.submit_durable("b"), ["b"]);
    let as_failed = Outcome::Later {
        answer: "no".into(),
        why: "no room".to_owned(),
        after: None,
    };
    assert!(table.end("b", as_failed).is_empty());
    assert!(matches!(
        table.state("b"),
        Some(JobState::Waiting { attempts: 1, .. })
    ));
    assert_eq!(table.submit("c", Priority::Client), ["c"]);
    assert!(table.end("c", later()).is_empty());
    assert_eq!(table.state("c"), None);
}

#[test]
fn asking_runs_a_waiting_job_at_once_without_wearing_out_its_tries() {
    let mut table = Table::new(1, Settings::default());
    table.submit_durable("a");
    table.end("a", again());
    for _ in 0..20 {
        assert_eq!(table.submit("a", Priority::Client), ["a"]);
        table.end("a", again());
    }
    assert!(
        table.submit("a", Priority::Behind).is_empty(),
        "nobody waits: the delay stands"
    );
    assert_eq!(
        table.state("a"),
        Some(JobState::Waiting {
            attempts: 1,
            retry_in: Duration::from_secs(1)
        })
    );
}

#[test]
fn waiting_room_is_bounded() {
    let mut table = Table::new(
        1,
        Settings {
            waiting_per_kind_max: 1,
            ..Settings::default()
        },
    );
    table.submit_durable("a");
    table.end("a", again());
    table.submit_durable("b");
    table.end("b", again());
    assert!(matches!(table.state("a"), Some(JobState::Waiting { .. })));
    assert_eq!(table.state("b"), None);
    assert!(
        table
            .flush()
            .0
            .iter()
            .any(|row| row.id.as_str() == "b" && row.died_at_ms.is_some())
    );
}

fn put_off() -> Outcome {
    Outcome::Later {
        answer: "not now".into(),
        why: "no room".to_owned(),
        after: Some(Duration::from_secs(10)),
    }
}

#[test]
fn jobs_that_are_put_off_are_never_given_up_however_many_they_are() {
    let settings = Settings {
        waiting_per_kind_max: 2,
        ..Settings::default()
    };
    let mut table = Table::new(1, settings);
    let behind = |table: &mut Table, id| {
        table
            .submit_as(id, Priority::Behind, Durability::Durable)
            .unwrap()
    };
    assert_eq!(behind(&mut table, "a"), ["a"]);
    for id in ["b", "c", "d", "e"] {
        assert!(behind(&mut table, id).is_empty());
    }
    assert_eq!(table.end("a", put_off()), ["b"]);
    assert_eq!(table.end("b", put_off()), ["c"]);
    table.now.instant += Duration::from_secs(1);
    assert!(table.end("c", put_off()).is_empty(), "the kind rests");
    assert_eq!(
        table.submit("x", Priority::Client),
        ["x"],
        "not for a client"
    );
    assert!(table.end("x", done()).is_empty());
    assert!(
        table.pass(Duration::from_secs(9)).is_empty(),
        "a and b are due"
    );
    assert_eq!(table.pass(Duration::from_secs(1)), ["a"], "and c");
    let mut ran = vec!["a".to_owned()];
    while let Some(id) = ran.last().filter(|_| ran.len() < 5) {
        ran.extend(table.end(&id.clone(), done()));
    }
    assert_eq!(ran, ["a", "b", "c", "d", "e"]);
    table.end("e", done());
    let (saved, _) = table.flush();
    assert!(saved.iter().all(|row| row.died_at_ms.is_none()));
}

#[test]
fn a_stop_does_not_count_against_jobs_that_are_put_off() {
    let attempts_max = Settings::default().retry.attempts_max;
    let mut known = row("a", 0, 0);
    for stop in 0..attempts_max * 2 {
        let mut table = Table::new(1, Settings::default());
        let acts = table.board.adopt(vec![known.clone()], table.now);
        assert_eq!(ids(acts), ["a"], "stop {stop}");
        known = table.flush().0.remove(0);
        assert_eq!(known.attempts, 1, "the process may die of it");
        // Stopped while it waits, and while it runs.
        if stop % 2 == 0 {
            table.end("a", put_off());
            table.board.drain();
        } else {
            table.board.drain();
            table.end("a", put_off());
        }
        known = table.flush().0.remove(0);
        assert_eq!(known.attempts, 0);
    }
}

#[test]
fn a_job_given_up_says_what_stood_in_its_way() {
    let settings = Settings {
        retry: crate::settings::RetryPlan {
            attempts_max: 1,
            ..Settings::default().retry
        },
        ..Settings::default()
    };
    let mut table = Table::new(1, settings);
    table.submit_durable("a");
    let Outcome::Later { answer, why, .. } = put_off() else {
        return;
    };
    let after = None;
    table.end("a", Outcome::Later { answer, why, after });
    let (saved, _) = table.flush();
    assert_eq!(saved[0].message, "no room");
    assert!(saved[0].died_at_ms.is_some());
}

#[test]
fn failed_for_good_or_fleeting_jobs_are_not_tried_again() {
    let mut table = Table::new(1, Settings::default());
    table.submit_durable("a");
    table.flush();
    table.end(
        "a",
        Outcome::Failed {
            message: "never".to_owned(),
            retry: false,
        },
    );
    assert_eq!(table.state("a"), None);
    assert_eq!(table.flush().1, ["a".into()]);
    table.submit("b", Priority::Client);
    table.end("b", again());
    assert_eq!(table.state("b"), None);
}

#[test]
fn rows_found_run_at_once_unless_they_were_under_way_too_often() {
    let mut table = Table::new(9, Settings::default());
    let late = table.now.unix_ms + 3_000;
    let years = table.now.unix_ms + 100_000_000_000;
    let rows = vec![
        row("0", 0, 0),
        row("1", 1, 0),
        row("2", 2, 0),
        row("8", 8, 0),
        row("late", 1, late),
        row("y", 1, years),
    ];
    let acts = table.board.adopt(rows, table.now);
    assert_eq!(ids(acts), ["0", "1"]);
    assert_eq!(
        table.state("2"),
        Some(JobState::Waiting {
            attempts: 2,
            retry_in: Duration::from_secs(4)
        })
    );
    assert_eq!(
        table.state("late"),
        Some(JobState::Waiting {
            attempts: 1,
            retry_in: Duration::from_secs(3)
        })
    );
    assert_eq!(
        table.state("y"),
        Some(JobState::Waiting {
            attempts: 1,
            retry_in: Duration::from_secs(900)
        })
    );
    assert_eq!(table.state("8"), None);
    let (saves, _) = table.flush();
    assert!(
        saves
            .iter()
            .any(|row| row.id.as_str() == "8" && row.died_at_ms.is_some())
    );
    assert!(
        saves
            .iter()
            .any(|row| row.id.as_str() == "1" && row.attempts == 2),
        "a begun run is written down"
    );
}

#[test]
fn found_row_of_a_job_in_flight_changes_nothing() {
    let mut table = Table::new(1, Settings::default());
    table.submit_durable("a");
    let acts = table.board.adopt(vec![row("a", 1, 0)], table.now);
    assert!(ids(acts).is_empty());
    table.end("a", done());
    assert_eq!(table.flush().1, ["a".into()]);
    let acts = table.board.adopt(vec![row("b", 1, 0)], table.now);
    assert_eq!(ids(acts), ["b"]);
}

#[test]
fn claimed_job_starts_when_its_row_is_written_or_cannot_be() {
    let mut table = Table::new(1, Settings::default());
    let _flight = table.claim("a");
    assert!(table.board.changes.is_urgent());
    assert_eq!(table.flush().0[0].attempts, 1);
    let acts = table.board.claimed(["a".into()].iter());
    assert_eq!(ids(acts), ["a"]);
    assert!(
        table.flush().0.is_empty(),
        "the claim spoke of this run already"
    );
}

#[test]
fn job_another_process_has_is_claimed_again_while_somebody_waits() {
    let mut table = Table::new(1, Settings::default());
    let flight = table.claim("a");
    table.flush();
    table.board.park(&["a".into()], table.now);
    assert!(ids(table.board.claimed(["a".into()].iter())).is_empty());
    assert_eq!(table.state("a"), Some(JobState::Elsewhere));
    assert!(table.pass(Duration::from_millis(499)).is_empty());
    assert!(table.flush().0.is_empty());
    table.pass(Duration::from_millis(1));
    assert_eq!(table.flush().0.len(), 1);
    table.board.park(&["a".into()], table.now);
    drop(flight);
    table.pass(Duration::from_millis(500));
    assert!(table.flush().0.is_empty());
    assert_eq!(table.state("a"), None);
    assert_eq!(table.board.depths(), [("k".to_owned(), 0, 0)]);
}

#[test]
fn drain_cancels_what_does_not_run_and_keeps_its_rows() {
    let mut table = Table::new(1, Settings::default());
    table.submit_durable("running");
    table.submit_durable("queued");
    table.submit("fleeting", Priority::Client);
    let flight = table
        .board
        .find_flight(&"queued".into(), table.now)
        .unwrap();
    assert!(ids(table.board.drain()).is_empty());
    assert_eq!(
        crate::Ticket::new(flight).outcome(),
        Some(Outcome::Cancelled)
    );
    assert_eq!(
        table.submit_as("late", Priority::Client, Durability::Durable),
        Err(Refusal::Draining)
    );
    assert_eq!(table.board.running(), 1);
    assert!(table.end("running", Outcome::Cancelled).is_empty());
    assert_eq!(table.board.running(), 0);
    let mut saves: Vec<String> = table
        .flush()
        .0
        .iter()
        .map(|row| row.id.to_string())
        .collect();
    saves.sort();
    assert_eq!(saves, ["queued", "running"]);
}

#[test]
fn durable_job_joins_a_fleeting_one_and_makes_it_durable() {
    let mut table = Table::new(1, Settings::default());
    table.submit("a", Priority::Client);
    assert!(table.flush().0.is_empty());
    let (sender, _receiver) = oneshot::channel();
    let asked = Asked {
        job: job("a", Priority::Client, Durability::Durable),
        claim: false,
        acknowledge: Some(sender),
    };
    assert!(table.board.submit(asked).is_ok());
    assert!(table.flush().0[0].acknowledged);
    table.end("a", done());
    assert!(
        table.board.find_flight(&"a".into(), table.now).is_some(),
        "the outcome is kept"
    );
}

/// Jobs take the share that the beginning of their id names.
struct Shared;

#[async_trait]
impl Handler for Shared {
    async fn run(&self, _job: &Job, _context: &JobContext) -> Outcome {
        Outcome::Cancelled
    }

    fn share_of<'a>(&self, job: &'a Job) -> Option<&'a str> {
        Some(job.id.as_str().split_once('/')?.0)
    }
}

fn shared(workers: usize) -> Table {
    let mut table = Table::new(workers, Settings::default());
    drop(table.board.register("k", workers, Arc::new(Shared)));
    table
}

fn started(table: &mut Table, share: &str, count: usize, priority: Priority) -> usize {
    let submitted = (0..count).map(|n| table.submit(&format!("{share}/{n}"), priority).len());
    submitted.sum()
}

#[test]
fn one_share_never_takes_all_workers() {
    for (workers, want) in [(1, 1), (2, 1), (3, 2), (4, 3), (8, 6), (64, 48)] {
        let mut table = shared(workers);
        let priority = Priority::Client;
        assert_eq!(
            started(&mut table, "slow", 200, priority),
            want,
            "{workers}"
        );
        // The next one finds a worker free, except where there is only one.
        let next = usize::from(workers > 1);
        assert_eq!(started(&mut table, "other", 1, priority), next, "{workers}");
    }
}

#[test]
fn every_further_share_leaves_a_part_of_the_rest_free() {
    let mut table = shared(64);
    let taken: Vec<usize> = (0..4)
        .map(|n| started(&mut table, &format!("slow{n}"), 64, Priority::Client))
        .collect();
    assert_eq!(taken, [48, 12, 3, 1]);
}

#[test]
fn a_share_that_has_its_part_is_passed_over_and_goes_on_when_it_has_less() {
    let mut table = shared(4);
    assert_eq!(started(&mut table, "slow", 10, Priority::Client), 3);
    assert_eq!(table.submit("other/0", Priority::Client), ["other/0"]);
    assert!(table.submit("third/0", Priority::Client).is_empty());
    // The worker that becomes free goes to the third, though more of the slow share came before.
    assert_eq!(table.end("slow/0", done()), ["third/0"]);
    assert!(table.end("third/0", done()).is_empty());
    assert_eq!(table.end("other/0", done()), ["slow/3"]);
    assert_eq!(table.board.depths(), [("k".to_owned(), 6, 3)]);
}

#[test]
fn jobs_without_a_share_are_held_to_none() {
    let mut table = shared(4);
    let plain = |n: usize| format!("plain{n}");
    let started: usize = (0..6)
        .map(|n| table.submit(&plain(n), Priority::Client).len())
        .sum();
    assert_eq!(started, 4);
}
