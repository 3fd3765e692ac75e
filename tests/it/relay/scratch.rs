//! What a try leaves outside the repository: nothing.

use crate::support::{Sandbox, stderr, stdout};

fn temporary(sandbox: &Sandbox) -> Vec<String> {
    let entries = std::fs::read_dir(sandbox.root().join("tmp")).unwrap().flatten();
    entries.map(|entry| entry.file_name().into_string().unwrap()).collect()
}

#[test]
fn a_try_has_a_folder_of_its_own_that_goes_with_it() {
    let sandbox = Sandbox::initialised();
    sandbox.claude("init; stat -c %a \"$TMPDIR\"/rally-* > \"$S/mode\"; echo x > made.txt; result ok");
    let output = sandbox.relay(&["--new", "--agent", "cc", "work"]);
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    assert_eq!(sandbox.note("mode"), "700\n");
    assert_eq!(temporary(&sandbox), [""; 0]);
}

#[test]
fn after_a_crash_the_next_start_removes_it() {
    let sandbox = Sandbox::initialised();
    sandbox.claude(
        "init; if [ $N = 1 ]; then echo big > \"$(echo \"$TMPDIR\"/rally-*)/big\"; here; sleep 600; fi; \
         echo x > made.txt; result ok",
    );
    std::fs::create_dir(sandbox.root().join("tmp").join("rally-of-somebody-else")).unwrap();
    let relay = sandbox.start_relay(&["--new", "--agent", "cc", "work"]);
    sandbox.wait_for_note("here.1");
    relay.kill();
    sandbox.wait_until_nobody_is_left();
    assert_eq!(temporary(&sandbox).len(), 2);
    let output = sandbox.relay(&["--resume"]);
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    assert_eq!(temporary(&sandbox), ["rally-of-somebody-else"]);
}
