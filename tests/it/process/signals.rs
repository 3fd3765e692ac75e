//! Signals to rally itself.

use std::io::Write;
use std::process::Command;

use rally::process::{OperatorSignal, Signals, stop_self};
use rustix::process::Signal;

use super::*;

const ROLE: &str = "RALLY_TEST_LISTENER";

/// Not a test by itself: notes the signals that it gets, ends with TERM.
#[test]
fn listener() {
    let Ok(file) = std::env::var(ROLE) else { return };
    run(async {
        let mut signals = Signals::install().unwrap();
        let mut file = std::fs::File::options().create(true).append(true).open(file).unwrap();
        writeln!(file, "ready").unwrap();
        loop {
            let signal = signals.next().await;
            writeln!(file, "{signal:?}").unwrap();
            match signal {
                OperatorSignal::Terminate => break,
                OperatorSignal::Stop => {
                    stop_self().unwrap();
                    writeln!(file, "resumed").unwrap();
                }
                OperatorSignal::Interrupt | OperatorSignal::Hangup | OperatorSignal::Quit => {}
            }
        }
    });
}

/// Starts a listener behind a shell that ignores some signals.
async fn listen(scene: &Scene, ignore: &str) -> (std::process::Child, ProcessIdentity) {
    let child = Command::new("sh")
        .args(["-c", &format!("{ignore} exec \"$0\" process::signals::listener --exact --nocapture")])
        .arg(std::env::current_exe().unwrap())
        .env(ROLE, scene.path("heard"))
        .spawn()
        .unwrap();
    scene.wait_for("heard", "ready\n").await;
    let identity = identity::of(child.id() as i32).unwrap();
    (child, identity)
}

#[test]
fn every_signal_is_heard_and_stop_waits_for_continue() {
    run(async {
        let scene = Scene::new();
        let (mut child, process) = listen(&scene, "").await;
        for (signal, name) in
            [(Signal::INT, "Interrupt\n"), (Signal::HUP, "Hangup\n"), (Signal::QUIT, "Quit\n")]
        {
            if signal == Signal::HUP && crate::support::under_nohup() {
                continue;
            }
            kill(&process, signal);
            scene.wait_for("heard", name).await;
        }
        kill(&process, Signal::TSTP);
        eventually("a stopped listener", || state(&process) == 'T').await;
        assert!(scene.read("heard").ends_with("Stop\n"));
        kill(&process, Signal::CONT);
        scene.wait_for("heard", "resumed\n").await;
        kill(&process, Signal::TERM);
        assert!(child.wait().unwrap().success());
    });
}

// A hang-up under nohup stays ignored; INT and QUIT, which a script's `&` ignores, are heard
#[test]
fn an_ignored_hang_up_stays_ignored_and_nothing_else() {
    run(async {
        let scene = Scene::new();
        let (mut child, process) = listen(&scene, "trap '' HUP INT QUIT;").await;
        kill(&process, Signal::HUP);
        for (signal, name) in [(Signal::INT, "Interrupt\n"), (Signal::QUIT, "Quit\n")] {
            kill(&process, signal);
            scene.wait_for("heard", name).await;
        }
        kill(&process, Signal::TERM);
        assert!(child.wait().unwrap().success());
        assert_eq!(scene.read("heard"), "ready\nInterrupt\nQuit\nTerminate\n");
    });
}
