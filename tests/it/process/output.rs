//! What agents read and print.

use pretty_assertions::assert_eq;
use rally::process::TreeSignal;

use super::*;

#[test]
fn without_a_prompt_standard_input_is_empty() {
    // 50-R6: an agent that blocks on its standard input meets its end at once.
    run(async {
        let scene = Scene::new();
        assert_eq!(whole_run(scene.sh("cat; echo done")).await, (Exit::Code(0), b"done\n".to_vec()));
    });
}

#[test]
fn a_prompt_of_megabytes_arrives_whole_and_ends() {
    run(async {
        let scene = Scene::new();
        let prompt: Vec<u8> = (0..5_000_000_u32).map(|n| (n % 251) as u8).collect();
        let spec = Spawn { stdin: Some(prompt.clone()), ..scene.sh("exec cat") };
        let (exit, output) = whole_run(spec).await;
        assert_eq!(exit, Exit::Code(0));
        assert!(output == prompt, "{} bytes came back", output.len());
    });
}

#[test]
fn an_agent_need_not_read_its_prompt() {
    run(async {
        let scene = Scene::new();
        let spec = Spawn { stdin: Some(vec![b'x'; 5_000_000]), ..scene.sh("exit 3") };
        assert_eq!(whole_run(spec).await.0, Exit::Code(3));
        let closes =
            Spawn { stdin: Some(vec![b'x'; 5_000_000]), ..scene.sh("exec < /dev/null; echo closed") };
        assert_eq!(whole_run(closes).await, (Exit::Code(0), b"closed\n".to_vec()));
        let spec = Spawn { stdin: Some(vec![b'x'; 5_000_000]), ..scene.sh("exec sleep 1000") };
        let mut agent = start(spec).await.unwrap();
        agent.signal(TreeSignal::Interrupt);
        assert_eq!(see_off(&mut agent).await.0, Exit::Signal(2));
    });
}

#[test]
fn any_bytes_come_through_also_half_a_line() {
    run(async {
        let scene = Scene::new();
        let (_, output) = whole_run(scene.sh(r"printf 'ok\n\377\376\000 half'")).await;
        assert_eq!(output, b"ok\n\xff\xfe\0 half");
    });
}

#[test]
fn one_line_of_50_megabytes_comes_through() {
    run(async {
        let scene = Scene::new();
        let mut agent = scene.start("head -c 50000000 /dev/zero | tr '\\0' x").await;
        let mut pipe = agent.take_stdout().unwrap();
        let (mut chunk, mut total) = (vec![0; 65536], 0);
        loop {
            match pipe.read(&mut chunk).await.unwrap() {
                0 => break,
                count => {
                    assert!(chunk[..count].iter().all(|byte| *byte == b'x'));
                    total += count;
                }
            }
        }
        assert_eq!(total, 50_000_000);
        assert_eq!(see_off(&mut agent).await.0, Exit::Code(0));
    });
}

#[test]
fn output_is_there_while_the_agent_works() {
    run(async {
        let scene = Scene::new();
        let mut agent = scene.start("echo one; until [ -e go ]; do sleep 0.01; done; echo two").await;
        let mut pipe = agent.take_stdout().unwrap();
        assert!(agent.take_stdout().is_none());
        let mut first = [0; 4];
        pipe.read_exact(&mut first).await.unwrap();
        assert_eq!(&first, b"one\n");
        std::fs::write(scene.path("go"), "").unwrap();
        assert_eq!(drain(pipe).await, b"two\n");
        see_off(&mut agent).await;
    });
}

#[test]
fn errors_are_merged_in_order_or_kept_apart() {
    run(async {
        let scene = Scene::new();
        let script = "echo 1; echo 2 >&2; echo 3; echo 4 >&2";
        assert_eq!(whole_run(scene.sh(script)).await.1, b"1\n2\n3\n4\n");
        let mut agent = start(Spawn { separate_stderr: true, ..scene.sh(script) }).await.unwrap();
        assert_eq!(drain(agent.take_stdout().unwrap()).await, b"1\n3\n");
        assert_eq!(drain(agent.take_stderr().unwrap()).await, b"2\n4\n");
        see_off(&mut agent).await;
        let mut merged = scene.start("exit 0").await;
        assert!(merged.take_stderr().is_none());
        see_off(&mut merged).await;
    });
}

#[test]
fn the_guard_does_not_hold_the_output_open() {
    run(async {
        let scene = Scene::new();
        let mut agent = scene.start("setsid sleep 1000 < /dev/null > /dev/null 2>&1 & echo end").await;
        // The leftover lives, and so does the guard; still the output ends.
        assert_eq!(drain(agent.take_stdout().unwrap()).await, b"end\n");
        let (exit, leftovers, _) = see_off(&mut agent).await;
        assert_eq!((exit, leftovers.len()), (Exit::Code(0), 1));
    });
}

#[test]
fn a_leftover_that_holds_the_output_delays_nothing() {
    // 50-R6: the end comes from the guard's report, never from the end of the output.
    run(async {
        let scene = Scene::new();
        let mut agent = scene.start("setsid sleep 1000 & echo end").await;
        let pipe = agent.take_stdout().unwrap();
        let (exit, leftovers, ended) = see_off(&mut agent).await;
        assert_eq!((exit, leftovers.len(), ended.len()), (Exit::Code(0), 1, 1));
        assert_eq!(drain(pipe).await, b"end\n");
    });
}
