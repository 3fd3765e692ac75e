//! How agents and their trees end.

use pretty_assertions::assert_eq;
use rally::process::tree::{self, Member};
use rally::process::{Ladder, TreeSignal};

use super::*;

/// Ends an agent as the relay does, and says which signals it took and how long.
async fn cancel(agent: &mut Agent) -> (Vec<TreeSignal>, Exit, Duration) {
    let begun = Instant::now();
    let active = || begun.elapsed();
    let mut ladder = Ladder::new(active());
    let (mut sent, mut exit) = (Vec::new(), None);
    loop {
        if let Some(signal) = ladder.due(active()) {
            agent.signal(signal);
            sent.push(signal);
        }
        let wait = ladder.next_deadline().map_or(PATIENCE, |at| at.saturating_sub(active()));
        match tokio::time::timeout(wait, agent.report()).await {
            Ok(Report::Exited { exit: how, .. }) => exit = Some(how),
            Ok(Report::Gone { .. }) => return (sent, exit.unwrap(), active()),
            Ok(Report::GuardLost) => panic!("the guard was lost"),
            // AF-KL-05: the wait is bounded.
            Err(_) => assert!(ladder.next_deadline().is_some(), "KILL did not end the tree"),
        }
    }
}

#[test]
fn exit_codes_and_signals_are_reported() {
    run(async {
        let scene = Scene::new();
        for code in [0, 1, 7, 255] {
            assert_eq!(whole_run(scene.sh(&format!("exit {code}"))).await.0, Exit::Code(code));
        }
        for signal in [9, 15, 2] {
            assert_eq!(whole_run(scene.sh(&format!("kill -{signal} $$"))).await.0, Exit::Signal(signal));
        }
    });
}

#[test]
fn an_obedient_tree_gets_only_the_soft_signal() {
    // AF-KL-01.
    run(async {
        let scene = Scene::new();
        let mut agent = scene
            .start("trap 'kill $!; exit 5' INT; sleep 1000 & echo $$ >> pids; while :; do wait; done")
            .await;
        let processes = scene.noted(1).await;
        let (sent, exit, _) = cancel(&mut agent).await;
        assert_eq!((sent, exit), (vec![TreeSignal::Interrupt], Exit::Code(5)));
        gone(&processes).await;
    });
}

#[test]
fn a_child_gets_the_interrupt_and_a_deaf_leader_the_terminate_5_seconds_later() {
    // AF-KL-03; as decided, TERM comes after 5 s and KILL only 2 s after it.
    run(async {
        let scene = Scene::new();
        let child =
            r#"trap "echo interrupted > child; exit" INT; echo $$ >> pids; while :; do sleep 0.05; done"#;
        // A background job of a shell ignores INT; a process started by another program does not.
        let script =
            format!("trap '' INT; env --default-signal=INT sh -c '{child}'; while :; do sleep 1000; done");
        let mut agent = scene.start(&script).await;
        scene.noted(1).await;
        let (sent, exit, took) = cancel(&mut agent).await;
        assert_eq!(scene.read("child"), "interrupted\n");
        assert_eq!((sent, exit), (vec![TreeSignal::Interrupt, TreeSignal::Terminate], Exit::Signal(15)));
        assert!(took >= Duration::from_secs(5));
    });
}

#[test]
fn a_deaf_tree_is_killed_and_no_orphan_survives() {
    // AF-KL-02, AF-KL-04, AF-KL-05, 50-R4.
    run(async {
        let scene = Scene::new();
        let script = format!("{STUBBORN_CHILD}; {FAMILY} trap '' INT TERM; while :; do sleep 1000; done");
        let mut agent = scene.start(&script).await;
        let mut processes = scene.noted(4).await;
        processes.push(agent.identity().clone());
        let (sent, exit, took) = cancel(&mut agent).await;
        let all = vec![TreeSignal::Interrupt, TreeSignal::Terminate, TreeSignal::Kill];
        assert_eq!((sent, exit), (all, Exit::Signal(9)));
        assert!(took >= Duration::from_secs(7));
        assert!(!processes.iter().any(identity::is_alive));
    });
}

#[test]
fn a_forced_end_kills_everything_at_once() {
    // 50-R4, last part.
    run(async {
        let scene = Scene::new();
        let mut agent = scene.start(&format!("{STUBBORN_CHILD}; {FAMILY} trap '' INT; wait")).await;
        let processes = scene.noted(4).await;
        agent.signal(TreeSignal::Interrupt);
        agent.signal(TreeSignal::Kill);
        agent.signal(TreeSignal::Kill);
        let (_, leftovers, ended) = see_off(&mut agent).await;
        assert_eq!((leftovers, ended), (vec![], vec![]));
        assert!(!processes.iter().any(identity::is_alive));
    });
}

#[test]
fn processes_that_hop_from_pid_to_pid_cannot_outrun_the_kill() {
    run(async {
        for _ in 0..5 {
            let scene = Scene::new();
            // Each generation starts the next in a new session and ends: one walk easily misses it.
            let mut spec = scene.sh(r#"for n in 0 1 2 3 4 5 6 7 8 9; do for m in 1 2 3; do sh -c "$HOP" & done; done; wait; sleep 1000"#);
            spec.env = vec![("HOP".into(), r#"echo >> hops; setsid sh -c "$HOP" & exit"#.into())];
            let mut agent = start(spec).await.unwrap();
            eventually("many hops", || scene.read("hops").len() > 200).await;
            agent.signal(TreeSignal::Kill);
            see_off(&mut agent).await;
            assert_eq!(rally::process::by_tag(&scene.tag), []);
        }
    });
}

#[test]
fn leftovers_are_named_and_reaped() {
    run(async {
        let scene = Scene::new();
        let mut agent = scene
            .start(&format!("{STUBBORN_CHILD}; {FAMILY} until [ -e go ]; do sleep 0.01; done; exit 4"))
            .await;
        let processes = scene.noted(4).await;
        eventually("sleeping children", || processes.iter().all(|p| command(p) == "sleep\x001000\0")).await;
        std::fs::write(scene.path("go"), "").unwrap();
        let (exit, leftovers, ended) = see_off(&mut agent).await;
        let mut expected: Vec<Leftover> =
            processes.iter().map(|p| Leftover { pid: p.pid, command: "sleep 1000".into() }).collect();
        let sorted = |mut list: Vec<Leftover>| {
            list.sort_by_key(|leftover| leftover.pid);
            list
        };
        expected = sorted(expected);
        assert_eq!((exit, sorted(leftovers), sorted(ended)), (Exit::Code(4), expected.clone(), expected));
        assert!(!processes.iter().any(identity::is_alive));
    });
}

fn command(process: &ProcessIdentity) -> String {
    std::fs::read_to_string(format!("/proc/{}/cmdline", process.pid)).unwrap_or_default()
}

#[test]
fn leftovers_that_end_by_themselves_need_no_reaping() {
    run(async {
        let scene = Scene::new();
        let mut agent = scene.start("(until [ -e go ]; do sleep 0.01; done) & exit 0").await;
        let Report::Exited { leftovers, .. } = agent.report().await else { panic!() };
        assert!(!leftovers.is_empty());
        std::fs::write(scene.path("go"), "").unwrap();
        assert_eq!(agent.report().await, Report::Gone { leftovers: vec![] });
    });
}

#[test]
fn a_stopped_tree_stands_still_goes_on_and_can_be_ended() {
    // 50-R5, the tree's part.
    run(async {
        let scene = Scene::new();
        let mut agent = scene
            .start("echo $$ >> pids; setsid sh -c 'echo $$ >> pids; sleep 1000; exit' & sleep 1000 & wait")
            .await;
        let processes = scene.noted(2).await;
        let all = |wanted: char| processes.iter().all(|process| state(process) == wanted);
        // A shell that is just starting a child cannot be seen to stop before that child goes on.
        eventually("a tree at rest", || all('S')).await;
        agent.signal(TreeSignal::Stop);
        eventually("a stopped tree", || all('T')).await;
        agent.signal(TreeSignal::Continue);
        eventually("a tree that goes on", || all('S')).await;
        agent.signal(TreeSignal::Stop);
        eventually("a stopped tree", || all('T')).await;
        // INT and CONT together: the stopped tree obeys.
        agent.signal(TreeSignal::Terminate);
        assert_eq!(see_off(&mut agent).await.0, Exit::Signal(15));
        assert!(!processes.iter().any(identity::is_alive));
    });
}

// 50-R8: the stuck tool, without the agent
#[test]
fn some_of_a_tree_can_be_ended_and_no_others() {
    run(async {
        let scene = Scene::new();
        let tools = "setsid sleep 1001 & setsid sh -c 'trap \"\" TERM; echo $$ >> pids; exec sleep 1002' & \
            sleep 1003 & echo $$ >> pids; while :; do wait; done";
        let mut agent = scene.start(tools).await;
        scene.noted(2).await;
        let guard = agent.guard_identity().pid;
        let living = |command: &str| -> Option<Member> {
            tree::living(guard).into_iter().find(|member| member.describe().command == command)
        };
        let names = ["sleep 1001", "sleep 1002", "sleep 1003"];
        eventually("all tools", || names.iter().all(|name| living(name).is_some())).await;
        let [obedient, deaf, other] = names.map(|name| living(name).unwrap());
        let main = agent.identity().clone();
        let itself = *tree::living(guard).iter().find(|member| member.pid == main.pid).unwrap();
        // The main process, a reused pid and a stranger are never meant.
        let reused = Member { start_time: other.start_time + 1, ..other };
        let mut outsider = std::process::Command::new("sleep")
            .arg("1004")
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let outsider_start = identity::of(outsider.id() as i32).unwrap().start_time;
        let stranger = Member { pid: outsider.id() as i32, start_time: outsider_start, ..other };
        agent.signal_some(TreeSignal::Kill, &[itself, reused, stranger]);
        agent.signal_some(TreeSignal::Terminate, &[obedient, deaf]);
        eventually("the end of the obedient one", || living("sleep 1001").is_none()).await;
        // The guard obeys in order: what came before is over.
        assert!(living("sleep 1002").is_some() && living("sleep 1003").is_some());
        assert!(identity::is_alive(&main) && outsider.try_wait().unwrap().is_none());
        agent.signal_some(TreeSignal::Kill, &[deaf]);
        eventually("the end of the deaf one", || living("sleep 1002").is_none()).await;
        assert!(living("sleep 1003").is_some() && identity::is_alive(&main));
        // A stopped one is continued, so that it can obey.
        agent.signal_some(TreeSignal::Stop, &[other]);
        agent.signal_some(TreeSignal::Terminate, &[other]);
        eventually("the end of the stopped one", || living("sleep 1003").is_none()).await;
        outsider.kill().unwrap();
        outsider.wait().unwrap();
        agent.signal(TreeSignal::Kill);
        assert_eq!(see_off(&mut agent).await.0, Exit::Signal(9));
    });
}

#[test]
fn reports_survive_impatient_readers_and_stop_after_the_last() {
    run(async {
        let scene = Scene::new();
        let mut agent = scene.start("sleep 0.05; exit 6").await;
        let mut reports = Vec::new();
        while reports.len() < 2 {
            if let Ok(report) = tokio::time::timeout(Duration::from_micros(300), agent.report()).await {
                reports.push(report);
            }
        }
        let exited = Report::Exited { exit: Exit::Code(6), leftovers: vec![] };
        assert_eq!(reports, [exited, Report::Gone { leftovers: vec![] }]);
        // AF-EX-08: signals to what is gone are no errors.
        agent.signal(TreeSignal::Interrupt);
        agent.reap();
        tokio::time::timeout(Duration::from_millis(20), agent.report())
            .await
            .expect_err("one report too many");
    });
}
