//! Why a try failed, judged through the real parsers: a wrong verdict costs a night's work.

mod adversarial;
mod corpus;
