//! Routes good and broken, and lanes that are fragile or cannot be used.

use super::*;
use crate::config::{self, Config};
use crate::routing::lane::DEFAULT_LANE;
use crate::routing::{Roster, Rules};

fn configured(text: &str) -> (Config, Rules) {
    let config = config::of_text(text);
    let rules = Rules::of(&config);
    (config, rules)
}

fn judged(routes: &str, queue: Queue) -> Judgement {
    let (config, rules) = configured(&format!("[routes]\n{routes}\n"));
    judge(&rules.routes, config.routes.contains_key(DEFAULT_LANE), queue)
}

fn question(judgement: &Judgement) -> &str {
    match &judgement.next {
        Next::Ask(question) => question,
        other => panic!("no question: {other:?}"),
    }
}

fn refused(judgement: &Judgement) -> &str {
    match &judgement.next {
        Next::Refuse(why) => why,
        other => panic!("not refused: {other:?}"),
    }
}

// 10-13, step 7
#[test]
fn clean_routes_are_silent() {
    for queue in [Queue::Empty, Queue::Waiting] {
        let clean = judged("default = [\"cc:2\"]\nplanner = [\"cx\"]", queue);
        assert_eq!(clean, Judgement { warnings: Vec::new(), next: Next::Go });
    }
}

// 10-T1, D40
#[test]
fn without_a_good_route_every_reason_is_told() {
    let broken = judged("default = [\"cc:0\"]\nempty = []", Queue::Empty);
    let why = refused(&broken);
    assert!(why.contains("\"cc:0\": a quota must be positive"), "{why}");
    assert!(why.contains("[routes].empty: the route is empty"), "{why}");
    assert!(broken.warnings.is_empty(), "nothing is told twice");
}

// 10-T3; the question is asked with and without a queue
#[test]
fn a_broken_route_is_left_out_after_a_question() {
    for queue in [Queue::Empty, Queue::Waiting] {
        let judgement = judged("default = [\"cc\"]\nplanner = [\"gm\"]", queue);
        assert!(question(&judgement).contains("Continue anyway?"));
        let [warning] = judgement.warnings.as_slice() else { panic!("{:?}", judgement.warnings) };
        for word in ["[routes].planner", "gm", "ignored", "default route"] {
            assert!(warning.contains(word), "{warning}");
        }
    }
}

// 10-T4: the queue may hold tasks of the roles that are left
#[test]
fn without_a_default_route_a_queue_may_still_go_on() {
    let judgement = judged("planner = [\"cc\"]", Queue::Waiting);
    assert!(question(&judgement).contains("Continue anyway?"));
    let broken = judged("planner = [\"cc\"]\ndefault = [\"cc:0\"]", Queue::Waiting);
    assert!(question(&broken).contains("Continue anyway?"));
    assert_eq!(broken.warnings.len(), 2, "the broken route, and what its lack means: {:?}", broken.warnings);
}

// 10-T5
#[test]
fn without_a_default_route_and_a_queue_nothing_can_run() {
    for (routes, warnings) in [("planner = [\"cc\"]", 0), ("planner = [\"cc\"]\ndefault = []", 2)] {
        let judgement = judged(routes, Queue::Empty);
        assert!(refused(&judgement).contains("no laps are available"));
        assert_eq!(judgement.warnings.len(), warnings, "{:?}", judgement.warnings);
    }
}

fn team(text: &str, flags: &[&str]) -> Team {
    let (config, rules) = configured(text);
    let flags: Vec<String> = flags.iter().map(|flag| (*flag).to_owned()).collect();
    let roster = match flags.is_empty() {
        true => Roster::from_routes(&rules.routes).unwrap(),
        false => Roster::from_flags(&flags, &crate::routing::Catalog::new(&config)).unwrap(),
    };
    Team { roster, providers: rules.providers, reasoning: rules.reasoning }
}

fn all_doubts(team: &Team) -> Vec<String> {
    let lanes: Vec<usize> = (0..team.roster.lanes.len()).rev().collect();
    doubts(team, &lanes)
}

const SEVERAL: &str = "[routes]\nsolo = [\"cc:2\"]\ndefault = [\"cc\", \"cx\"]\ntwice = [\"cc:opus-4.7\", \"cc:opus-4.7\"]\nalone = [\"cx\"]\n";

// 10-O14, 30-146, D45
#[test]
fn lanes_of_a_single_runner_are_named_in_order() {
    let told = all_doubts(&team(SEVERAL, &[]));
    assert_eq!(
        told,
        [
            "alone has a single runner, codex: there is no fallback when it fails",
            "solo has a single runner, claude: there is no fallback when it fails",
            "twice has a single runner, claude - opus-4.7: there is no fallback when it fails",
        ]
    );
    let told = all_doubts(&team(SEVERAL, &["cc:3"]));
    assert_eq!(told, ["override has a single runner, claude: there is no fallback when it fails"]);
    assert!(all_doubts(&team(SEVERAL, &["cc cx"])).is_empty());
    assert!(all_doubts(&team(SEVERAL, &["DEFAULT:1"])).is_empty(), "two runners behind one slot");
    let fragile = team(SEVERAL, &[]);
    let default = fragile.roster.choose(None).unwrap().lane;
    assert!(doubts(&fragile, &[default]).is_empty(), "other lanes are not in use");
}

const DISABLED: &str = "[providers.plan]\nmodels = [\"cc:opus-4.7\", \"cc:opus-4.6\"]\ndisabled = true\n\
    [routes]\ndefault = [\"cc:opus-4.7\", \"cx\"]\nplanner = [\"cc:opus-4.6\", \"cx\"]\noff = [\"cc:opus-4.6\"]\n";

// 10-V4
#[test]
fn a_disabled_provider_is_told_once() {
    let team = team(DISABLED, &[]);
    let told = all_doubts(&team);
    assert_eq!(told.iter().filter(|text| text.contains("provider plan is disabled")).count(), 1, "{told:?}");
}

// 10-V3
#[test]
fn a_lane_of_disabled_members_cannot_be_used() {
    let team = team(DISABLED, &[]);
    let lane = |name: &str| team.roster.lanes.iter().position(|lane| lane.name == name).unwrap();
    let why = refusal(&team, &[(lane("default"), None), (lane("off"), Some("off"))]).unwrap();
    assert!(why.contains("off") && why.contains("disabled") && why.contains("plan"), "{why}");
    assert_eq!(refusal(&team, &[(lane("default"), None), (lane("planner"), None)]), None);
}
