//! Reading an answer's body within bounds of size, time and speed.

use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::error::OutsideError;
use crate::budget::Place;
use crate::guard::Site;

/// How slow a body may be. Only time spent waiting for the network counts, not the time that the reader takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Longest silence between two chunks.
    pub silence_max: Duration,
    /// Length of the window in which [`Pace::bytes_min`] must arrive.
    pub window: Duration,
    /// Fewest bytes of a window. A server that drips a byte a second is as good as silent.
    pub bytes_min: u64,
}

impl Default for Pace {
    /// Half a minute of silence; 64 KiB in 20 s, which the slowest usable line still gives.
    fn default() -> Self {
        Self {
            silence_max: Duration::from_secs(30),
            window: Duration::from_secs(20),
            bytes_min: 64 * 1024,
        }
    }
}

/// Body of an answer, read chunk by chunk.
#[derive(Debug)]
pub(super) struct Body {
    response: reqwest::Response,
    site: Site,
    deadline: Instant,
    pace: Pace,
    waited_in_window: Duration,
    bytes_in_window: u64,
    /// Held until the body is read: a host's budget counts whole answers.
    _place: Place,
}

impl Body {
    pub(super) fn new(
        response: reqwest::Response,
        site: Site,
        deadline: Instant,
        pace: Pace,
        place: Place,
    ) -> Self {
        Self {
            response,
            site,
            deadline,
            pace,
            waited_in_window: Duration::ZERO,
            bytes_in_window: 0,
            _place: place,
        }
    }

    pub(super) fn site(&self) -> &Site {
        &self.site
    }

    /// The next chunk, `None` at the end.
    pub(super) async fn next_chunk(&mut self) -> Result<Option<Bytes>, OutsideError> {
        let began = Instant::now();
        let window_end = began + self.pace.window.saturating_sub(self.waited_in_window);
        let silence_end = began + self.pace.silence_max;
        // The window's end only matters where it comes first and too little has come in it.
        let mut wake = self.deadline.min(silence_end);
        if self.bytes_in_window < self.pace.bytes_min {
            wake = wake.min(window_end);
        }
        let chunk = match tokio::time::timeout_at(wake, self.response.chunk()).await {
            Ok(read) => read.map_err(|cause| self.broken(cause))?,
            Err(_elapsed) => return Err(self.too_slow(wake == window_end)),
        };
        self.count(
            began.elapsed(),
            chunk.as_ref().map_or(0, |chunk| chunk.len() as u64),
        );
        Ok(chunk)
    }

    fn count(&mut self, waited: Duration, bytes: u64) {
        self.waited_in_window += waited;
        self.bytes_in_window = self.bytes_in_window.saturating_add(bytes);
        if self.waited_in_window >= self.pace.window {
            self.waited_in_window = Duration::ZERO;
            self.bytes_in_window = 0;
        }
    }

    fn broken(&self, cause: reqwest::Error) -> OutsideError {
        OutsideError::Broken {
            site: self.site.clone(),
            cause: Box::new(cause.without_url()),
        }
    }

    fn too_slow(&self, by_rate: bool) -> OutsideError {
        let what = if Instant::now() >= self.deadline {
            "the time for this file is over".to_owned()
        } else if by_rate {
            format!("{} bytes in {:?}", self.bytes_in_window, self.pace.window)
        } else {
            format!("nothing came for {:?}", self.pace.silence_max)
        };
        OutsideError::TooSlow {
            site: self.site.clone(),
            what,
        }
    }
}
