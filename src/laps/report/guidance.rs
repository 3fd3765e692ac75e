//! What an agent is told after it reported something.

/// After a lap was reported as done.
pub const DONE: &str = "\
The lap is marked done. Two steps are left:

1. Commit your work as `<lap-description>: done`, with the lap's description in the place of `<lap-description>`.
2. Report how it went:

   laps wrapup --summary \"what you did and how you checked it\" --followup \"what is left to do\"

   Leave --followup out when nothing is left; give it once for each task that should be added to the queue.
";

/// After a handoff was begun.
pub const HANDOFF: &str = "\
The handoff is noted. The lap stays in the queue. Two steps are left:

1. Commit your work as `<lap-description>: in progress (handoff)`, with the lap's description in the place of
   `<lap-description>`.
2. Report where it stands:

   laps wrapup --summary \"why you stop and where the work stands\" --followup \"what has to be done first\"

   Each --followup becomes a lap before this one, in the order given: name what removes the obstacle.

The summary is all that the next agent gets. Say what is finished, what you tried and what came of it, which files
matter, what stands in the way, and the next step.
";

/// After a wrapup.
pub const RECORDED: &str = "Progress recorded.\n";
