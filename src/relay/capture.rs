//! The try's transcript: bytes as they came, written by a thread of its own, so that
//! a slow disk never stalls the runtime and a full disk never blocks the agent.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use tokio::sync::mpsc;

use crate::model::mask::{self, Mask};
use crate::store::logs::TryLog;

/// Chunks in flight: with 64 KiB each, 1 MiB at most.
const IN_FLIGHT: usize = 16;

/// Writes a transcript. Dropping it abandons what is still in flight.
#[derive(Debug)]
pub struct Transcript {
    chunks: mpsc::Sender<Vec<u8>>,
    writer: JoinHandle<io::Result<()>>,
}

impl Transcript {
    /// Appends to the file at `path`; with a mask no secret gets there. Of more than `most` bytes the middle is left out.
    pub fn open(path: &Path, mask: Option<Arc<Mask>>, most: Option<u64>) -> io::Result<Transcript> {
        let log = TryLog::open(path, most)?;
        let (chunks, queue) = mpsc::channel(IN_FLIGHT);
        let writer = std::thread::Builder::new()
            .name("transcript".into())
            .spawn(move || write_all(log, queue, mask.as_deref()))?;
        Ok(Transcript { chunks, writer })
    }

    /// Waits until there is room for one more chunk; `None` once the writer is gone.
    pub async fn room(&self) -> Option<mpsc::Permit<'_, Vec<u8>>> {
        self.chunks.reserve().await.ok()
    }

    /// Waits until everything is written; the first error, if there was one.
    pub async fn finish(self) -> io::Result<()> {
        drop(self.chunks);
        let joined = tokio::task::spawn_blocking(move || self.writer.join()).await;
        match joined {
            Ok(Ok(result)) => result,
            _ => Err(io::Error::other("the transcript's writer thread ended unexpectedly")),
        }
    }
}

/// After the first error the rest is thrown away, not left standing: the agent must never block on us.
fn write_all(mut log: TryLog, mut queue: mpsc::Receiver<Vec<u8>>, mask: Option<&Mask>) -> io::Result<()> {
    let mut masked = mask::Stream::default();
    let mut first_error = None;
    while let Some(chunk) = queue.blocking_recv() {
        if first_error.is_none() {
            let chunk = match mask {
                Some(mask) => masked.push(mask, &chunk),
                None => chunk,
            };
            first_error = log.append(&chunk).err();
        }
    }
    if let (None, Some(mask)) = (&first_error, mask) {
        first_error = log.append(&masked.finish(mask)).err();
    }
    first_error.map_or(Ok(()), Err)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block_on<F: Future>(future: F) -> F::Output {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
    }

    #[test]
    fn bytes_arrive_in_order_and_raw() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("try-1.log");
        block_on(async {
            let transcript = Transcript::open(&path, None, None).unwrap();
            for n in 0..200u8 {
                transcript.room().await.unwrap().send(vec![n, 0xff, b'\n']);
            }
            transcript.finish().await.unwrap();
        });
        let bytes = std::fs::read(&path).unwrap();
        assert_eq!(bytes.len(), 600);
        assert_eq!(&bytes[597..], &[199, 0xff, b'\n']);
    }

    #[test]
    fn a_full_disk_is_reported_and_blocks_nobody() {
        block_on(async {
            let transcript = Transcript::open(Path::new("/dev/full"), None, None).unwrap();
            for _ in 0..100 {
                transcript.room().await.unwrap().send(vec![b'x'; 65536]);
            }
            let error = transcript.finish().await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        });
    }
}
