//! Agents that are hard to handle.

use fastrand::Rng;

/// What an agent does between its work and its result; `$N` counts invocations.
const HABITS: [&str; 14] = [
    ":",
    // Children that outlive it: in its group, in a session of their own, twice removed, with closed streams.
    "sleep 300 >/dev/null 2>&1 &",
    "setsid sleep 300 >/dev/null 2>&1 &",
    "(setsid sh -c 'sleep 300 & exec sleep 300' <&- >&- 2>&- &)",
    "trap '' INT TERM HUP; sleep 0.2",
    "i=0; while [ $i -lt 300 ]; do say \"line $i\"; i=$((i+1)); done",
    // Lines that are broken, and one event inside another.
    "printf '{\"type\":\"assi\\n'; printf '\\000\\377{{{\\n'; echo '{\"type\":\"assistant\"{\"type\":\"x\"}'; say ok",
    "git add file-$N.txt work.txt && git commit -q -m \"agent $N\" -- file-$N.txt work.txt >/dev/null 2>&1",
    "if [ $((N % 3)) = 2 ]; then failed 'not now'; exit 1; fi",
    "if [ $((N % 3)) = 1 ]; then exit 0; fi",
    "if [ $((N % 3)) = 0 ]; then kill -9 $$; fi",
    "say \"$(head -c 300000 /dev/zero | tr '\\0' x)\"",
    "rally progress --summary \"made $N\" >/dev/null 2>&1",
    // Somebody keeps its standard output open.
    "if [ $((N % 3)) = 0 ]; then setsid sleep 300 & fi",
];

/// The script of one round's agent. Each invocation leaves a line and a file of its own, and notes that it did.
pub fn draw(dice: &mut Rng) -> String {
    let mut habits = vec![HABITS[dice.usize(..HABITS.len())], HABITS[dice.usize(..HABITS.len())]];
    habits.sort_unstable();
    habits.dedup();
    let [before, after] = [dice.u32(..80), dice.u32(..120)].map(|ms| format!("sleep 0.{ms:03}"));
    format!(
        "init; {before}; echo $N >> work.txt; tool Write; echo made-$N > file-$N.txt; touch \"$S/wrote.$N\"; {after}\n\
         {}\nresult \"done $N\"",
        habits.join("\n")
    )
}
