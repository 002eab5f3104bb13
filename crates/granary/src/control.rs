//! The server's side of `<data>/granary.sock`: runs operations and gives their lines to whoever answers.

use std::sync::Arc;

use bytes::Bytes;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use web::control::Operations;
use web::identity::{Principal, SocketUser};

use crate::line::LINES_IN_FLIGHT;
use crate::operations::{Operation, run};
use crate::parts::Parts;

/// Runs operations on the parts of this process.
pub struct Control {
    /// What they work with.
    pub parts: Arc<Parts>,
    /// The runtime that owns the parts: requests are answered on other ones.
    pub runtime: Handle,
}

impl Operations for Control {
    /// Starts an operation, given as JSON; its lines come back as JSON, one a line. It goes on when nobody reads them.
    fn start(
        &self,
        operation: Bytes,
        user: Option<SocketUser>,
    ) -> Result<mpsc::Receiver<Bytes>, String> {
        let operation: Operation = serde_json::from_slice(&operation)
            .map_err(|cause| format!("this server knows no such operation: {cause}"))?;
        let (send, mut lines) = mpsc::channel(LINES_IN_FLIGHT);
        let (send_bytes, receive_bytes) = mpsc::channel(LINES_IN_FLIGHT);
        let parts = self.parts.clone();
        let by = Principal::of_socket(user);
        self.runtime
            .spawn(async move { run(&parts, &by, operation, send).await });
        self.runtime.spawn(async move {
            while let Some(line) = lines.recv().await {
                let mut text = serde_json::to_vec(&line).unwrap_or_default();
                text.push(b'\n');
                if send_bytes.send(Bytes::from(text)).await.is_err() {
                    return;
                }
            }
        });
        Ok(receive_bytes)
    }
}
