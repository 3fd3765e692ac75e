//! Which processes are the tool that a frozen agent waits for?
//!
//! Those that were started when the tool was, or later. What was there before is the CLI itself: its wrapper,
//! its native program, its servers of tools. A tool's orphans belong to it wherever they went in the tree: one that
//! holds the tool's output open is just what many a CLI waits for.

use std::time::Duration;

use crate::model::{Leftover, ProcessIdentity};
use crate::process::identity;
use crate::process::tree::{self, Member};

/// A tool's process may be this much older than the line that told of the tool: a CLI may start it before it
/// prints, and rally reads at its next chance. An agent's own helpers are older than that, for a model must be asked
/// before there is any tool. A tool that is missed for it costs its agent no more than the session's resumption.
const TOLERANCE: Duration = Duration::from_millis(500);

/// Most processes that are named.
const MOST_NAMED: usize = 3;

/// The processes of a stuck tool.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StuckTool {
    /// All of them.
    pub members: Vec<Member>,
    /// The topmost, with their commands; not more than a few.
    pub named: Vec<Leftover>,
}

/// Looks for what runs of a tool that was started at `since`, boot time, below `guard`, whose agent is `agent`.
pub fn find(guard: &ProcessIdentity, agent: i32, since: Duration) -> StuckTool {
    if !identity::is_alive(guard) {
        return StuckTool::default();
    }
    let members = choose(tree::living(guard.pid), agent, since, procfs::ticks_per_second());
    let named = topmost(&members).take(MOST_NAMED).map(Member::describe).collect();
    StuckTool { members, named }
}

fn choose(mut living: Vec<Member>, agent: i32, since: Duration, ticks_per_second: u64) -> Vec<Member> {
    let since = since.saturating_sub(TOLERANCE).as_millis().saturating_mul(ticks_per_second.into()) / 1000;
    living.retain(|member| member.pid != agent && u128::from(member.start_time) >= since);
    living
}

/// Those whose parent is none of them.
fn topmost(members: &[Member]) -> impl Iterator<Item = &Member> {
    members.iter().filter(|member| members.iter().all(|other| other.pid != member.parent))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const AGENT: i32 = 10;

    fn member(pid: i32, parent: i32, start_time: u64) -> Member {
        Member { pid, parent, start_time, session: pid, alive: true }
    }

    fn pids(members: &[Member]) -> Vec<i32> {
        members.iter().map(|member| member.pid).collect()
    }

    #[test]
    fn only_what_was_started_with_the_tool_or_later_is_the_tool() {
        // In hundredths of a second: the CLI at 1000 s, its helpers at once, a tool at 1060 s.
        let living = vec![
            member(AGENT, 1, 100_000),
            member(11, AGENT, 100_010),
            member(12, 11, 100_500),
            member(20, AGENT, 105_960),
            member(21, 20, 106_100),
            member(22, 1, 109_000),
        ];
        let chosen = choose(living.clone(), AGENT, Duration::from_secs(1060), 100);
        assert_eq!(pids(&chosen), [20, 21, 22], "an orphan belongs to it, too");
        assert_eq!(pids(&topmost(&chosen).copied().collect::<Vec<_>>()), [20, 22]);
        assert!(choose(living, AGENT, Duration::from_secs(1100), 100).is_empty());
    }

    #[test]
    fn a_real_child_is_found_and_older_ones_are_spared() {
        let me = identity::of(std::process::id() as i32).unwrap();
        let mut child = std::process::Command::new("sleep").arg("1001").spawn().unwrap();
        let pid = child.id() as i32;
        let boot = crate::process::clock::Reading::now().boot;
        let (found, as_agent) = (find(&me, 0, boot), find(&me, pid, boot));
        let later = find(&me, 0, boot + TOLERANCE * 100);
        let stranger = ProcessIdentity { start_time: me.start_time + 1, ..me };
        let of_stranger = find(&stranger, 0, boot);
        // A child that outlives a failure would hold the output of the tests open.
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(found.members.iter().any(|member| member.pid == pid), "{found:?}");
        assert!(as_agent.members.iter().all(|member| member.pid != pid), "never the agent");
        assert_eq!((later, of_stranger), (StuckTool::default(), StuckTool::default()));
    }

    proptest! {
        #[test]
        fn neither_the_agent_nor_anything_older_is_ever_chosen(
            starts in proptest::collection::vec(0_u64..2000, 0..20), since in 0_u64..20
        ) {
            let living = (AGENT..).zip(starts).map(|(pid, start)| member(pid, pid - 1, start)).collect();
            for chosen in choose(living, AGENT, Duration::from_secs(since), 100) {
                prop_assert!(chosen.pid != AGENT);
                prop_assert!(chosen.start_time + 50 >= since * 100);
            }
        }
    }
}
