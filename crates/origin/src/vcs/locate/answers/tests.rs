//! How long answers are good, and that each question is asked once at a time.

use std::sync::atomic::AtomicUsize;

use super::*;

const LIFETIMES: Lifetimes = Lifetimes {
    found: Duration::from_secs(3600),
    absent: Duration::from_secs(60),
    stale: Duration::from_secs(86400),
};

struct Asked {
    answers: Answers<u32>,
    count: AtomicUsize,
}

impl Asked {
    fn new() -> Self {
        Self {
            answers: Answers::new(100, LIFETIMES),
            count: AtomicUsize::new(0),
        }
    }

    async fn get(&self, answer: Result<u32, UpstreamClass>) -> Result<u32, UpstreamClass> {
        let ask = async {
            self.count.fetch_add(1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(10)).await;
            answer.map_err(|class| CodeError::new(class, "no"))
        };
        let got = self.answers.get("q", |number| *number < 1000, ask).await;
        got.map_err(|error| error.class)
    }

    #[track_caller]
    fn check_count(&self, want: usize) {
        assert_eq!(self.count.load(Ordering::SeqCst), want);
    }
}

const ABSENT: Result<u32, UpstreamClass> = Err(UpstreamClass::Absent);
const TROUBLE: Result<u32, UpstreamClass> = Err(UpstreamClass::Unreachable);

async fn pass(seconds: u64) {
    tokio::time::advance(Duration::from_secs(seconds)).await;
}

#[tokio::test(start_paused = true)]
async fn yes_and_no_are_remembered_for_their_time() {
    let asked = Asked::new();
    assert_eq!(asked.get(Ok(1)).await, Ok(1));
    pass(3590).await;
    assert_eq!(asked.get(Ok(2)).await, Ok(1));
    pass(11).await;
    assert_eq!(asked.get(ABSENT).await, ABSENT);
    assert_eq!(asked.get(Ok(3)).await, ABSENT);
    pass(60).await;
    assert_eq!(asked.get(Ok(3)).await, Ok(3));
    asked.check_count(3);
}

#[tokio::test(start_paused = true)]
async fn trouble_is_not_remembered() {
    let asked = Asked::new();
    assert_eq!(asked.get(TROUBLE).await, TROUBLE);
    assert_eq!(asked.get(Ok(1)).await, Ok(1));
    asked.check_count(2);
}

#[tokio::test(start_paused = true)]
async fn an_old_yes_stands_in_for_trouble() {
    let asked = Asked::new();
    assert_eq!(asked.get(Ok(1)).await, Ok(1));
    pass(4000).await;
    assert_eq!(asked.get(TROUBLE).await, Ok(1));
    // Not asked again at once.
    pass(59).await;
    assert_eq!(asked.get(Ok(2)).await, Ok(1));
    asked.check_count(2);
    pass(2).await;
    assert_eq!(asked.get(Ok(2)).await, Ok(2));
    pass(90_000).await;
    assert_eq!(asked.get(TROUBLE).await, TROUBLE);
}

#[tokio::test(start_paused = true)]
async fn an_old_no_does_not_stand_in_for_trouble() {
    let asked = Asked::new();
    assert_eq!(asked.get(ABSENT).await, ABSENT);
    pass(61).await;
    assert_eq!(asked.get(TROUBLE).await, TROUBLE);
    assert_eq!(asked.get(ABSENT).await, ABSENT);
    asked.check_count(3);
}

#[tokio::test(start_paused = true)]
async fn a_yes_that_became_a_no_is_forgotten() {
    let asked = Asked::new();
    assert_eq!(asked.get(Ok(1)).await, Ok(1));
    pass(4000).await;
    assert_eq!(asked.get(ABSENT).await, ABSENT);
    pass(61).await;
    assert_eq!(asked.get(TROUBLE).await, TROUBLE);
}

#[tokio::test(start_paused = true)]
async fn a_question_is_asked_once_at_a_time() {
    for answer in [Ok(1), Ok(1000), ABSENT, TROUBLE] {
        let asked = Asked::new();
        let many = (0..64).map(|_| asked.get(answer));
        let got = futures_util::future::join_all(many).await;
        assert_eq!(got, vec![answer; 64]);
        asked.check_count(1);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_large_is_not_kept() {
    let asked = Asked::new();
    assert_eq!(asked.get(Ok(1000)).await, Ok(1000));
    assert_eq!(asked.get(Ok(2000)).await, Ok(2000));
    asked.check_count(2);
    assert_eq!(asked.answers.slots.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn who_leaves_while_asking_leaves_the_question_to_others() {
    let asked = Asked::new();
    let left = tokio::time::timeout(Duration::from_millis(1), asked.get(Ok(1))).await;
    assert!(left.is_err());
    assert_eq!(asked.get(Ok(2)).await, Ok(2));
    asked.check_count(2);
}

#[tokio::test(start_paused = true)]
async fn their_number_is_bounded() {
    let answers: Answers<u32> = Answers::new(100, LIFETIMES);
    for number in 0..2000 {
        let question = number.to_string();
        let got = answers.get(&question, |_| true, async { Ok(number) }).await;
        assert_eq!(got, Ok(number));
    }
    assert!(answers.slots.len() <= 100, "{}", answers.slots.len());
}
