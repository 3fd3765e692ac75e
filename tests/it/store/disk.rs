//! A full disk: nothing is half-written, and everything goes on when there is room.

use rally::model::Outcome;
use rally::store::StoreError;

use super::*;
use crate::support::SmallDisk;

// 50-R16
#[test]
fn a_full_disk_changes_nothing_and_says_what_to_do() {
    let sandbox = Sandbox::without_repository();
    let layout = layout(&sandbox);
    let Some(disk) = SmallDisk::mount(&layout.state_dir()) else { return };
    let (mut store, _) = open(&layout);
    let relay = store.create_relay(new_relay(9), at(0)).unwrap();
    // The rest of the file's last page still takes a part of the next record.
    one_try(&mut store, relay.id, 1, Outcome::Failed);
    let mut started = store.allocate_try(new_try(relay.id, 1, 1), at(1)).unwrap();
    let filler = disk.fill();
    let mut failures = 0;
    for _ in 0..3 {
        let before = [layout.tries(), layout.journal()].map(|p| std::fs::read(p).unwrap_or_default());
        let mut record = ended(&started, Outcome::Completed);
        record.summary = "x".repeat(3000);
        record.remaining_work = "y".repeat(3000);
        match store.finish_try(record) {
            Ok(_) => started = store.allocate_try(new_try(relay.id, 1, 1), at(1)).unwrap(),
            Err(error) => {
                assert!(matches!(error, StoreError::DiskFull { .. }), "{error}");
                let text = error.to_string();
                assert!(
                    text.starts_with("no space left on device") && text.contains("tries.jsonl"),
                    "{text}"
                );
                assert!(text.contains("free some space"), "{text}");
                failures += 1;
                let after = [layout.tries(), layout.journal()].map(|p| std::fs::read(p).unwrap_or_default());
                assert_eq!(before, after, "as it was before");
            }
        }
    }
    assert!(failures > 0);
    std::fs::remove_file(filler).unwrap();
    let record = store.finish_try(ended(&started, Outcome::Completed)).unwrap();
    assert_eq!(store.reader().last_try().unwrap(), Some(record));
    drop(store);
    assert!(open(&layout).1.warnings.is_empty());
}

#[test]
fn a_relay_can_be_locked_and_looked_at_on_a_full_disk() {
    let sandbox = Sandbox::without_repository();
    let layout = layout(&sandbox);
    let Some(disk) = SmallDisk::mount(&layout.state_dir()) else { return };
    drop(open(&layout));
    disk.fill();
    let lock = WorkspaceLock::acquire(&layout).unwrap();
    assert!(rally::store::lock::holder(&layout).is_some());
    drop(lock);
    assert!(sandbox.rally(["status"]).output().unwrap().status.success());
}
