//! What remains when rally or a guard is killed: nothing.

use std::process::{Child, Command};

use pretty_assertions::assert_eq;
use rally::process::{adopt_orphans, by_tag, reap_adopted, sweep_orphans};
use rustix::process::Signal;

use super::*;

/// Says what [`client`] is to play, and where.
const ROLE: &str = "RALLY_TEST_CLIENT";

/// Runs this test binary again, as a client in the scene's folder.
fn play(scene: &Scene, role: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["process::orphans::client", "--exact", "--nocapture"])
        .env(ROLE, role)
        .env("SCENE_TAG", &scene.tag)
        .current_dir(scene.folder.path())
        .spawn()
        .unwrap()
}

/// Not a test by itself: the process that the other tests kill.
#[test]
fn client() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let (folder, tag) = (std::env::current_dir().unwrap(), std::env::var("SCENE_TAG").unwrap());
    run(async {
        match role.as_str() {
            "hold" => {
                let script = format!(
                    "{STUBBORN_CHILD}; {FAMILY} trap '' INT TERM; echo $$ >> pids; while :; do sleep 1000; done"
                );
                let agent = start(shell(&folder, &tag, &script)).await.unwrap();
                std::fs::write("guard.new", serde_json::to_string(agent.guard_identity()).unwrap()).unwrap();
                std::fs::rename("guard.new", "guard").unwrap();
                std::future::pending().await
            }
            "lose-guard" => lose_guard(&folder, &tag).await,
            other => panic!("no role {other}"),
        }
    });
}

/// The guard's identity, once the client has told it.
async fn guard_of(scene: &Scene) -> ProcessIdentity {
    eventually("the guard's identity", || scene.path("guard").exists()).await;
    serde_json::from_str(&scene.read("guard")).unwrap()
}

/// As rally with a killed guard: the tree falls to this process, which ends it.
async fn lose_guard(folder: &Path, tag: &str) {
    adopt_orphans().unwrap();
    // One child hides behind an empty environment, one is a zombie when the guard dies.
    let script = format!(
        "{STUBBORN_CHILD}; {FAMILY} env -i PATH=\"$PATH\" setsid sh -c \"$child\" & trap '' INT TERM; while :; do sleep 1000; done"
    );
    let mut agent = start(shell(folder, tag, &script)).await.unwrap();
    let mut other = start(shell(folder, "another-try", "exec sleep 1000")).await.unwrap();
    let mut own_child = Command::new("sleep").arg("1000").spawn().unwrap();
    let mut processes = noted(folder, 5).await;
    processes.push(agent.identity().clone());

    kill(agent.guard_identity(), Signal::KILL);
    assert_eq!(agent.report().await, Report::GuardLost);
    let swept = sweep_orphans(tag, &[other.guard_identity().pid]).await;
    for process in &processes {
        assert!(!identity::is_alive(process), "{process:?} lives");
        assert!(swept.iter().any(|leftover| leftover.pid == process.pid), "{process:?} is not named");
        // Not even a zombie: every adopted orphan was waited for.
        assert_eq!(identity::of(process.pid), None);
    }
    // Neither rally's own children nor another try are touched.
    assert_eq!(own_child.try_wait().unwrap(), None);
    own_child.kill().unwrap();
    own_child.wait().unwrap();
    assert!(identity::is_alive(other.identity()));
    other.signal(rally::process::TreeSignal::Kill);
    see_off(&mut other).await;

    // An orphan that ends by itself is not kept as a zombie either.
    assert!(
        Command::new("sh").args(["-c", "setsid sh -c 'echo $$ >> quick' & "]).status().unwrap().success()
    );
    eventually("a quick orphan", || folder.join("quick").exists()).await;
    eventually("no child left", || {
        reap_adopted(&[]);
        rally::process::tree::children(std::process::id() as i32).is_empty()
    })
    .await;
}

#[test]
fn kill_9_of_rally_leaves_nothing() {
    // 50-R1: plain, setsid, double-forked, nohup, all deaf to everything but KILL.
    run(async {
        for _ in 0..3 {
            let scene = Scene::new();
            let mut client = play(&scene, "hold");
            let guard = guard_of(&scene).await;
            let mut processes = scene.noted(5).await;
            assert!(processes.iter().all(identity::is_alive));
            processes.push(guard);
            client.kill().unwrap();
            client.wait().unwrap();
            gone(&processes).await;
            assert_eq!(by_tag(&scene.tag), []);
        }
    });
}

#[test]
fn dropping_an_agent_ends_its_tree() {
    run(async {
        let scene = Scene::new();
        let agent = scene.start(&format!("{STUBBORN_CHILD}; {FAMILY} wait")).await;
        let mut processes = scene.noted(4).await;
        processes.extend([agent.identity().clone(), agent.guard_identity().clone()]);
        drop(agent);
        gone(&processes).await;
    });
}

#[test]
fn a_stopped_tree_is_ended_too() {
    run(async {
        let scene = Scene::new();
        let mut agent = scene.start("echo $$ >> pids; sleep 1000 & wait").await;
        let processes = scene.noted(1).await;
        eventually("a tree at rest", || state(&processes[0]) == 'S').await;
        agent.signal(rally::process::TreeSignal::Stop);
        eventually("a stopped tree", || state(&processes[0]) == 'T').await;
        drop(agent);
        gone(&processes).await;
    });
}

#[test]
fn the_guard_is_deaf_to_what_a_terminal_sends() {
    run(async {
        let scene = Scene::new();
        let mut agent = scene.start("until [ -e go ]; do sleep 0.01; done").await;
        for signal in
            [Signal::INT, Signal::TERM, Signal::HUP, Signal::QUIT, Signal::TSTP, Signal::USR1, Signal::USR2]
        {
            kill(agent.guard_identity(), signal);
        }
        std::fs::write(scene.path("go"), "").unwrap();
        assert_eq!(see_off(&mut agent).await, (Exit::Code(0), vec![], vec![]));
    });
}

#[test]
fn the_tree_of_a_killed_guard_is_swept() {
    let scene = Scene::new();
    assert!(play(&scene, "lose-guard").wait().unwrap().success());
}

#[test]
fn the_next_start_sweeps_by_tag_when_both_died() {
    // 50-R2: exact matches only.
    run(async {
        let scene = Scene::new();
        let mut client = play(&scene, "hold");
        let guard = guard_of(&scene).await;
        let processes = scene.noted(5).await;
        let longer = Scene { tag: format!("{}0", scene.tag), ..Scene::new() };
        let mut neighbour = longer.start("exec sleep 1000").await;
        kill(&guard, Signal::KILL);
        client.kill().unwrap();
        client.wait().unwrap();
        assert!(processes.iter().all(identity::is_alive));
        let swept = by_tag(&scene.tag);
        assert!(!processes.iter().any(identity::is_alive));
        for process in &processes {
            assert!(swept.iter().any(|leftover| leftover.pid == process.pid));
        }
        assert_eq!(by_tag(&scene.tag), []);
        assert!(identity::is_alive(neighbour.identity()));
        neighbour.signal(rally::process::TreeSignal::Kill);
        see_off(&mut neighbour).await;
    });
}
