//! One relay per workspace.

use rally::store::lock::holder;
use rally::store::{LockError, Reader};

use super::*;

// 50-R13, 30-R13
#[test]
fn a_second_holder_is_refused_and_told_who_is_first() {
    let sandbox = Sandbox::without_repository();
    let layout = layout(&sandbox);
    assert_eq!(holder(&layout), None, "nobody has been here");
    let lock = WorkspaceLock::acquire(&layout).unwrap();
    let Err(LockError::Held(first)) = WorkspaceLock::acquire(&layout) else { panic!("two holders") };
    assert_eq!(first.pid, Some(std::process::id()));
    assert!(first.since.is_some() && first.host.is_some());
    assert_eq!(first.start_time.is_some(), cfg!(target_os = "linux"));
    assert!(first.to_string().starts_with(&format!("pid {} on ", std::process::id())));
    assert_eq!(holder(&layout), Some(first.clone()));
    drop(lock);
    assert_eq!(holder(&layout), None);
    assert!(layout.lock().exists(), "the file is never deleted");
    WorkspaceLock::acquire(&layout).unwrap();
}

#[test]
fn what_stands_in_the_file_decides_nothing() {
    let sandbox = Sandbox::without_repository();
    let layout = layout(&sandbox);
    for content in ["", "rubbish", "{\"pid\":1,\"since\":\"never\"}", "{\"pid\":4711}"] {
        std::fs::create_dir_all(layout.state_dir()).unwrap();
        std::fs::write(layout.lock(), content).unwrap();
        assert_eq!(holder(&layout), None, "{content}");
        drop(WorkspaceLock::acquire(&layout).unwrap());
    }
    let file = std::fs::File::open(layout.lock()).unwrap();
    file.lock().unwrap();
    std::fs::write(layout.lock(), "rubbish").unwrap();
    assert_eq!(holder(&layout).unwrap().to_string(), "an unknown process");
}

#[test]
fn looking_never_keeps_a_relay_from_starting() {
    let sandbox = Sandbox::without_repository();
    let layout = layout(&sandbox);
    drop(WorkspaceLock::acquire(&layout).unwrap());
    std::thread::scope(|scope| {
        let (done, is_done) = std::sync::mpsc::channel::<()>();
        let reader = Reader::new(layout.clone());
        scope.spawn(move || {
            while is_done.try_recv() != Err(std::sync::mpsc::TryRecvError::Disconnected) {
                reader.holder();
                std::thread::sleep(std::time::Duration::from_millis(1));
            }
        });
        for _ in 0..50 {
            drop(WorkspaceLock::acquire(&layout).unwrap());
        }
        drop(done);
    });
}
