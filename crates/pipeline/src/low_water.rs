//! The low-water mark: captures stop before the disk is full and go on by themselves once there is room again. What is
//! stored is served meanwhile: nothing that serves asks here.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use catalog::work::{CaptureAnswer, Refusal, RefusalClass};
use gomod::version::ModuleVersion;
use origin::vcs::VersionControl;
use store::Store;
use store::space::{Lack, Room, Space, in_words};
use tracing::{info, warn};

/// How old a look at the disk may be for a capture that begins: what one capture of small files takes is little.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// How often somebody looks when nobody captures, so that figures are true and stopped captures go on.
const WATCH_EVERY: Duration = Duration::from_secs(1);

/// How often caches are made smaller while there is too little room: measuring them reads their folders.
const SHRINK_EVERY: Duration = Duration::from_secs(60);

/// What the operator's metrics show.
#[derive(Clone, Debug, Default)]
pub struct DiskFigures {
    /// Free bytes where there are fewest above the reserve.
    pub free_bytes: Arc<AtomicU64>,
    /// The reserve there.
    pub reserve_bytes: Arc<AtomicU64>,
    /// Free file nodes there; 0 where the file system has no bound on them.
    pub free_files: Arc<AtomicU64>,
    /// 1 while captures are stopped.
    pub is_stopped: Arc<AtomicU64>,
    /// Captures that were refused for want of room, or that could not be stored.
    pub refused: Arc<AtomicU64>,
}

/// Decides whether there is room for captures. A clone is the same one.
#[derive(Clone)]
pub struct LowWater {
    inner: Arc<Inner>,
}

struct Inner {
    space: Space,
    store: Store,
    version_control: VersionControl,
    state: Mutex<State>,
    /// Held by the one who looks; the others take what it finds.
    looking: tokio::sync::Mutex<()>,
    figures: DiskFigures,
}

#[derive(Default)]
struct State {
    looked_at: Option<Instant>,
    rooms: Vec<Room>,
    lack: Option<(PathBuf, Lack)>,
    shrunk_at: Option<Instant>,
    /// Kinds of captures of which the last one failed although there is room.
    failing: BTreeSet<String>,
}

impl LowWater {
    /// Watches `space`, whose first folder holds the caches of `version_control` and whose last one is `store`'s.
    pub fn new(space: Space, store: Store, version_control: VersionControl) -> Self {
        Self {
            inner: Arc::new(Inner {
                space,
                store,
                version_control,
                state: Mutex::default(),
                looking: tokio::sync::Mutex::default(),
                figures: DiskFigures::default(),
            }),
        }
    }

    /// What the metrics show.
    pub fn figures(&self) -> DiskFigures {
        self.inner.figures.clone()
    }

    /// Whether captures were stopped at the last look.
    pub fn is_stopped(&self) -> bool {
        self.state().lack.is_some()
    }

    /// Looks once a second. Ends with the process.
    pub async fn watch(self) {
        loop {
            self.look(WATCH_EVERY / 2).await;
            tokio::time::sleep(WATCH_EVERY).await;
        }
    }

    /// Whether a capture may begin.
    ///
    /// # Errors
    /// The refusal that it gets instead.
    pub async fn check(&self, of: &ModuleVersion) -> Result<(), Refusal> {
        match self.look(LOOK_EVERY).await {
            None => Ok(()),
            Some(lack) => Err(Refusal::new(
                RefusalClass::Storage,
                format!("{of}: not captured: {}", in_text(lack)),
            )),
        }
    }

    /// Whether a capture that is writing may go on.
    ///
    /// # Errors
    /// Why not, in words.
    pub async fn check_again(&self) -> Result<(), String> {
        self.look(Duration::ZERO).await.map_or(Ok(()), |lack| {
            Err(format!("stopped on the way: {}", in_text(lack)))
        })
    }

    /// Whether so many bytes more leave the reserve alone.
    ///
    /// # Errors
    /// Why not, in words.
    pub async fn check_fits(&self, size_bytes: u64) -> Result<(), String> {
        self.look(Duration::ZERO).await;
        let spare_bytes = self.state().rooms.last().map(Room::spare_bytes);
        match spare_bytes {
            Some(spare_bytes) if spare_bytes < size_bytes => Err(format!(
                "its {} do not fit: {} are to spare on the disk of this server beside the reserve\nits operator can make room there, or set disk.reserve lower",
                in_words(size_bytes),
                in_words(spare_bytes)
            )),
            _ => Ok(()),
        }
    }

    /// Hears that a capture was stored, and says once that they can be again.
    pub(crate) fn note_stored(&self, kind: &str) {
        if self.state().failing.remove(kind) {
            info!(kind, "captures can be stored again");
        }
    }

    /// Hears how a capture ended: counts those for which there was no room, and says once when captures begin to fail
    /// although there seems to be some. One that landed says nothing here: it may have been stored long ago.
    pub fn note_end(&self, kind: &str, answer: &CaptureAnswer) {
        let refusal = match answer {
            CaptureAnswer::Refused(refusal) if refusal.class == RefusalClass::Storage => refusal,
            CaptureAnswer::Landed | CaptureAnswer::Refused(_) | CaptureAnswer::Passed { .. } => {
                return;
            }
        };
        self.inner.figures.refused.fetch_add(1, Ordering::Relaxed);
        let mut state = self.state();
        if state.lack.is_none() && state.failing.insert(kind.to_owned()) {
            warn!(
                kind,
                reason = refusal.text.replace('\n', " "),
                "a capture could not be stored, although the file system has room: if the reason is no room, look for a quota or a limit on file sizes (ulimit -f); further ones are counted and not logged until one succeeds"
            );
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        let state = &self.inner.state;
        state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What there is too little of, by a look that is no older than `age_max`.
    async fn look(&self, age_max: Duration) -> Option<Lack> {
        let begun = Instant::now();
        let known = || {
            let state = self.state();
            let is_fresh = state.looked_at.is_some_and(|at| at + age_max >= begun);
            is_fresh.then(|| state.lack.as_ref().map(|(_, lack)| *lack))
        };
        if let Some(lack) = known() {
            return lack;
        }
        let _alone = self.inner.looking.lock().await;
        if let Some(lack) = known() {
            return lack;
        }
        // Whoever cannot be asked will say so to those who write.
        let Some(mut rooms) = self.measure().await else {
            return self.state().lack.as_ref().map(|(_, lack)| *lack);
        };
        if self.may_shrink(&rooms) && self.shrink_caches(&rooms).await > 0 {
            rooms = self.measure().await.unwrap_or(rooms);
        }
        self.settle(rooms)
    }

    /// Asked on a thread that may block: a file system of the network may take its time.
    async fn measure(&self) -> Option<Vec<Room>> {
        let space = self.inner.space.clone();
        let looked = tokio::task::spawn_blocking(move || space.look()).await;
        looked.ok()?.ok()
    }

    fn may_shrink(&self, rooms: &[Room]) -> bool {
        let mut state = self.state();
        let is_low = |room: &Room| {
            let lack = room.find_lack(state.lack.is_some());
            matches!(lack, Some(Lack::Bytes { .. }))
        };
        let is_due = state
            .shrunk_at
            .is_none_or(|at| at.elapsed() >= SHRINK_EVERY);
        let may = is_due && rooms.iter().any(is_low);
        if may {
            state.shrunk_at = Some(Instant::now());
        }
        may
    }

    /// Drops what can be fetched again, before captures are stopped for it. Gives how many bytes.
    async fn shrink_caches(&self, rooms: &[Room]) -> u64 {
        let (mut freed_bytes, inner) = (0, &self.inner);
        if let Some(missing) = rooms.first().map(Room::missing_bytes).filter(|n| *n > 0) {
            let version_control = inner.version_control.clone();
            let work = tokio::task::spawn_blocking(move || version_control.shrink_caches(missing));
            freed_bytes += work.await.unwrap_or(0);
        }
        let missing = rooms.last().map_or(0, Room::missing_bytes);
        if let Some(missing) = missing.checked_sub(freed_bytes).filter(|n| *n > 0) {
            freed_bytes += inner.store.shrink_tiles(missing).await.unwrap_or(0);
        }
        if freed_bytes > 0 {
            info!(
                size_bytes = freed_bytes,
                "caches were dropped to make room on the disk"
            );
        }
        freed_bytes
    }

    /// Takes what a look found. The log hears of changes only.
    fn settle(&self, rooms: Vec<Room>) -> Option<Lack> {
        let mut state = self.state();
        let stopped = state.lack.is_some();
        let lack = rooms
            .iter()
            .find_map(|room| Some((room.folder.clone(), room.find_lack(stopped)?)));
        let store = |figure: &AtomicU64, value| figure.store(value, Ordering::Relaxed);
        let figures = &self.inner.figures;
        if let Some(room) = rooms.iter().min_by_key(|room| room.spare_bytes()) {
            store(&figures.free_bytes, room.free_bytes);
            store(&figures.reserve_bytes, room.reserve_bytes);
            store(&figures.free_files, room.free_files.unwrap_or(0));
        }
        store(&figures.is_stopped, u64::from(lack.is_some()));
        match &lack {
            Some((folder, lack)) if !stopped => warn!(
                folder = %folder.display(),
                "captures stop: {lack}. {}; what is stored is served as ever, and captures go on by themselves",
                match lack {
                    Lack::Right => "Mount it for writing again",
                    _ => "Make room on this file system, or set `disk.reserve` lower",
                }
            ),
            None if stopped => info!("captures go on: the disk has room again"),
            _ => {}
        }
        let found = lack.as_ref().map(|(_, lack)| *lack);
        *state = State {
            looked_at: Some(Instant::now()),
            rooms,
            lack,
            shrunk_at: state.shrunk_at,
            failing: std::mem::take(&mut state.failing),
        };
        found
    }
}

/// For the go client's user, who has no say over the disk: what is wrong, and that it passes.
fn in_text(lack: Lack) -> String {
    let what = match lack {
        Lack::Right => "the disk of this server cannot be written",
        _ => "the disk of this server is nearly full",
    };
    format!(
        "{what}: {lack}\nwhat is stored here is served as ever; its operator has to make room or let it be written (`granary doctor`), then captures go on by themselves"
    )
}
