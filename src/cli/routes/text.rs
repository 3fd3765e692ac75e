//! The report for people. Pure.

use super::complaint::Complaint;
use super::lanes::MixLine;
use super::preview::LanePreview;
use super::report::Report;
use super::roles::RoleLine;
use crate::model::text::count;
use crate::model::time;
use crate::terminal::sanitize;
use crate::terminal::style::{Palette, Tone};

/// The lines of a report, without its errors: they go elsewhere. None for a configuration that could
/// not be loaded.
pub fn lines(report: &Report, palette: Palette) -> Vec<String> {
    if !report.loaded {
        return Vec::new();
    }
    let mut paragraphs = vec![summary(report), providers(report), prompts(&report.roles)];
    paragraphs.push(complaints(report, palette));
    paragraphs.push(advisories(&report.roles));
    let mix = report.mix.as_ref().is_some_and(|mix| mix.used);
    paragraphs.extend(report.preview.iter().flatten().map(|lane| preview(lane, mix, palette)));
    paragraphs.retain(|paragraph| !paragraph.is_empty());
    let text = paragraphs.iter().map(|paragraph| paragraph.join("\n")).collect::<Vec<_>>().join("\n\n");
    text.lines().map(str::to_owned).collect()
}

fn summary(report: &Report) -> Vec<String> {
    let mut lines = vec!["routes check summary:".to_owned()];
    if let Some(MixLine { used: true, lane, .. }) = &report.mix {
        lines.push(format!("no routes are declared; {} is used", lane.label));
        lines.push(lane_line("mix", lane.entries.len(), lane.valid));
    }
    lines.extend(report.routes.iter().map(|route| lane_line(&route.name, route.entries.len(), route.valid)));
    lines
}

fn lane_line(name: &str, entries: usize, valid: bool) -> String {
    let entries = if entries == 1 { "1 entry".to_owned() } else { format!("{entries} entries") };
    let invalid = if valid { "" } else { " [invalid]" };
    format!("- {}: {entries}{invalid}", sanitize::line(name))
}

fn providers(report: &Report) -> Vec<String> {
    if report.providers.is_empty() {
        return Vec::new();
    }
    let lines = report.providers.iter().map(|provider| {
        let disabled = if provider.disabled { " [disabled]" } else { "" };
        format!("- {}: {}{disabled}", sanitize::line(&provider.name), count(provider.members.len(), "model"))
    });
    std::iter::once("shared quota groups:".to_owned()).chain(lines).collect()
}

fn prompts(roles: &[RoleLine]) -> Vec<String> {
    if roles.is_empty() {
        return Vec::new();
    }
    let lines = roles.iter().map(|role| {
        let source = role.source.as_ref().map_or("embedded".to_owned(), |file| format!("custom, {file}"));
        sanitize::line(&format!("- {}: ~{} tokens ({source})", role.name, role.tokens))
    });
    std::iter::once("role prompts:".to_owned()).chain(lines).collect()
}

fn complaints(report: &Report, palette: Palette) -> Vec<String> {
    let told = |level: &'static str, tone: Tone, complaints: &[Complaint]| -> Vec<String> {
        let level = palette.paint(tone, format!("{level}:"));
        complaints.iter().map(|told| format!("{level} {}", sanitize::line(&told.to_string()))).collect()
    };
    let mut lines = told("warning", Tone::Warn, &report.warnings);
    lines.extend(told("info", Tone::Dim, &report.infos));
    lines
}

fn advisories(roles: &[RoleLine]) -> Vec<String> {
    roles.iter().filter_map(|role| role.advisory.as_deref()).map(sanitize::text).collect()
}

fn preview(lane: &LanePreview, mix: bool, palette: Palette) -> Vec<String> {
    let mut head = format!("next runs of {}", if mix { "the mix" } else { &lane.lane });
    if let Some(role) = lane.role.as_ref().filter(|role| **role != lane.lane) {
        head += &format!(", for the role {role}");
    }
    if let Some(relay) = lane.relay {
        head += &format!(" (from where relay #{relay} stands)");
    }
    let mut lines = vec![sanitize::line(&head) + ":"];
    let width = lane.picks.len().to_string().len();
    let entry_width =
        lane.picks.iter().map(|pick| sanitize::line(&pick.entry).chars().count()).max().unwrap_or(0);
    for (index, pick) in lane.picks.iter().enumerate() {
        let wait = pick.wait_until.map(|at| format!(" after waiting until {}", time::rfc3339_millis(at)));
        let entry = sanitize::line(&pick.entry);
        let runner = sanitize::line(&(pick.runner.label() + &wait.unwrap_or_default()));
        lines.push(format!("  {:>width$}. {entry:<entry_width$}  {runner}", index + 1));
    }
    for out in &lane.passed_over {
        let text = format!("passed over: \"{}\" ({}): {}", out.entry, out.runner.label(), out.reason());
        lines.push(format!("  {}", palette.paint(Tone::Dim, sanitize::line(&text))));
    }
    lines.extend(lane.end.map(|end| format!("  {}", palette.paint(Tone::Warn, end))));
    lines
}
