//! What recent tries came to, a line each.

use crate::model::text;
use crate::store::records::TryRecord;

/// How much of the past a prompt may hold, in characters; 0 means all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContextLimits {
    /// Of one summary.
    pub summary: usize,
    /// Of all lines together.
    pub total: usize,
}

/// About a page and a half: a prompt is read again in every turn.
impl Default for ContextLimits {
    fn default() -> Self {
        ContextLimits { summary: 1500, total: 6000 }
    }
}

/// One line per try, in the order given; too long ones keep their head and tail.
pub fn recent_tries(tries: &[TryRecord], limits: ContextLimits) -> String {
    let lines: Vec<String> = tries.iter().map(|record| line(record, limits.summary)).collect();
    cut(&lines.join("\n"), limits.total)
}

fn line(record: &TryRecord, limit: usize) -> String {
    let status = match record.outcome {
        // Records of the earlier program know only this.
        None => format!("completed={}", record.completed),
        Some(outcome) => {
            let name = serde_json::to_value(outcome).unwrap_or_default();
            let source = record.cancellation_source.map(|source| format!(" source={}", source.as_str()));
            format!("outcome={}{}", name.as_str().unwrap_or_default(), source.unwrap_or_default())
        }
    };
    let summary = text::one_line(&cut(record.summary.trim(), limit));
    format!("Run {} ({}): {status} summary={summary}", record.run_id, record.agent_type)
}

fn cut(text: &str, limit: usize) -> String {
    if limit == 0 { text.to_owned() } else { text::bounded(text, limit) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::text::CUT_MARKER;

    fn record(run_id: u64, rest: &str) -> TryRecord {
        let json = format!(
            r#"{{"id":1,"run_id":{run_id},"relay_id":1,"agent_type":"claude","attempt_number":1,
                "started_at":"2026-11-22T11:00:00Z","ended_at":"2026-11-22T11:00:00Z",{rest}}}"#
        );
        serde_json::from_str(&json).unwrap()
    }

    // 30-47
    #[test]
    fn every_try_has_its_line() {
        let tries = [
            record(3, r#""completed":true,"summary":"old","outcome":null"#),
            record(4, r#""completed":true,"summary":"two\nlines","outcome":"completed""#),
            record(5, r#""completed":false,"summary":"","outcome":"cancelled","cancellation_source":"skip""#),
        ];
        assert_eq!(
            recent_tries(&tries, ContextLimits::default()),
            "Run 3 (claude): completed=true summary=old\n\
             Run 4 (claude): outcome=completed summary=two lines\n\
             Run 5 (claude): outcome=cancelled source=skip summary="
        );
        assert_eq!(recent_tries(&[], ContextLimits::default()), "");
    }

    // 30-47; deviation: counted in characters, with defaults instead of no limit
    #[test]
    fn cuts_keep_head_and_tail() {
        let long = format!("head {} tail", "ä".repeat(5000));
        let tries = [record(1, &format!(r#""completed":true,"outcome":"completed","summary":"{long}""#))];
        let limits = ContextLimits { summary: 100, total: 0 };
        let line = recent_tries(&tries, limits);
        assert!(line.contains("summary=head ä") && line.ends_with("ä tail"), "{line}");
        assert!(line.contains(CUT_MARKER) && line.chars().count() < 150);
        assert!(recent_tries(&tries, ContextLimits { summary: 0, total: 0 }).contains(&long));
        let many: Vec<TryRecord> =
            (1..100).map(|n| record(n, r#""completed":true,"summary":"short""#)).collect();
        let text = recent_tries(&many, ContextLimits { summary: 0, total: 400 });
        assert!(text.chars().count() <= 400 && text.contains(CUT_MARKER));
        assert!(text.starts_with("Run 1 ") && text.contains("Run 99 "));
    }
}
