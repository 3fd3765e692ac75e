//! A model server on loopback that speaks the four APIs of the CLIs, below `/s/<scenario>/<id>`.
//! It has no state that a test would have to reset: what it answers is decided by the scenario in
//! the address and by what the request itself holds.

mod chat;
mod conversation;
mod gemini;
mod http;
mod messages;
mod responses;
mod scenario;
mod usage;
mod window;

use std::io::{self, BufReader, Read};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::{Value, json};

pub use conversation::{Answer, Conversation, HANDED_OVER};
pub use usage::{CACHED_TOKENS, INPUT_TOKENS, OUTPUT_TOKENS, REASONING_TOKENS};
pub use window::Windows;

use http::Reply;
use scenario::Scenario;

/// A request for a model's turn, as it came in.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Behind the scenario in the address: which invocation asked.
    pub id: String,
    /// The model asked for.
    pub model: String,
    /// The reasoning effort asked for, if any.
    pub effort: Option<String>,
    /// What the user said, oldest first.
    pub users: Vec<String>,
    /// Whether a shell was offered to the model. A CLI that wants a title for a session offers none.
    pub shell: bool,
}

/// An API of a provider. Everything that a turn needs is a function of the request.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Api {
    /// Anthropic Messages.
    Messages,
    /// OpenAI Responses.
    Responses,
    /// OpenAI chat completions.
    Chat,
    /// Gemini, which has the model and the wish for a stream in the address.
    Gemini { model: String, stream: bool },
}

impl Api {
    /// From the path behind the scenario and the id.
    fn of(path: &str) -> Option<Api> {
        match path {
            "v1/messages" => Some(Api::Messages),
            "v1/responses" => Some(Api::Responses),
            "v1/chat/completions" => Some(Api::Chat),
            _ => {
                let (model, method) = path.strip_prefix("v1beta/models/")?.split_once(':')?;
                let stream = match method {
                    "generateContent" => false,
                    "streamGenerateContent" => true,
                    _ => return None,
                };
                Some(Api::Gemini { model: model.to_owned(), stream })
            }
        }
    }

    fn conversation(&self, body: &Value) -> Conversation {
        match self {
            Api::Messages => messages::read(body),
            Api::Responses => responses::read(body),
            Api::Chat => chat::read(body),
            Api::Gemini { model, stream } => gemini::read(body, model, *stream),
        }
    }

    /// The answer as the provider gives it, as a whole or in a stream.
    fn reply(&self, asked: &Conversation, answer: &Answer) -> Reply {
        match self {
            Api::Messages => messages::reply(asked, answer),
            Api::Responses => responses::reply(asked, answer),
            Api::Chat => chat::reply(asked, answer),
            Api::Gemini { .. } => gemini::reply(asked, answer),
        }
    }

    /// The provider's body for a refusal.
    fn refusal(&self, status: u16, model: &str) -> Value {
        match self {
            Api::Messages => messages::refusal(status, model),
            Api::Responses | Api::Chat => responses::refusal(status, model),
            Api::Gemini { .. } => gemini::refusal(status, model),
        }
    }

    /// The same answer with word of how much of the account's windows is used, if the provider tells it.
    fn with_windows(&self, reply: Reply, windows: &Windows) -> Reply {
        match self {
            Api::Messages => messages::windows(reply, windows),
            Api::Responses => responses::windows(reply, windows),
            Api::Chat | Api::Gemini { .. } => reply,
        }
    }

    /// How the provider says that the account's quota is used up until a time, with status 429.
    fn usage_limit(&self, resets_at: u64, wait: u64) -> Reply {
        match self {
            Api::Messages => messages::usage_limit(resets_at, wait),
            Api::Responses => responses::usage_limit(resets_at, wait),
            Api::Chat => chat::usage_limit(wait),
            Api::Gemini { .. } => gemini::usage_limit(wait),
        }
    }
}

/// How long a used-up quota stays so, from the start of the server on.
const QUOTA_BACK: u64 = 7200;

/// A running server; its threads end with the process.
#[derive(Debug)]
pub struct Mock {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    /// The connections there have been; `None` once nobody listens any more.
    connections: Arc<Mutex<Option<Vec<TcpStream>>>>,
    resets_at: u64,
}

impl Mock {
    /// Starts one on a free port.
    pub fn start() -> Mock {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let connections = Arc::new(Mutex::new(Some(Vec::new())));
        let resets_at = window::now() + QUOTA_BACK;
        let (log, open) = (Arc::clone(&asked), Arc::clone(&connections));
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                match &mut *open.lock().unwrap() {
                    Some(connections) => connections.push(connection.try_clone().unwrap()),
                    None => return,
                }
                let log = Arc::clone(&log);
                // A client that is killed breaks its connection; that is its own affair.
                thread::spawn(move || serve(connection, &log, resets_at));
            }
        });
        Mock { address, asked, connections, resets_at }
    }

    /// The server goes away: every connection breaks, and from now on none can be made.
    pub fn go_away(&self) {
        let connections = self.connections.lock().unwrap().take();
        for connection in connections.into_iter().flatten() {
            let _ = connection.shutdown(Shutdown::Both);
        }
        // The listener sees that only when somebody comes; nobody can when it has seen it.
        while TcpStream::connect(self.address).is_ok() {
            thread::yield_now();
        }
    }

    /// When a used-up quota comes back, and a short window begins anew: epoch seconds.
    pub fn resets_at(&self) -> u64 {
        self.resets_at
    }

    /// The base address of a scenario. That of `refused` is one where nobody listens.
    pub fn url(&self, scenario: &str, id: &str) -> String {
        if scenario == "refused" {
            let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
            return format!("http://{gone}");
        }
        assert!(Scenario::parse(scenario).is_some(), "no such scenario: {scenario}");
        format!("http://{}/s/{scenario}/{id}", self.address)
    }

    /// The turns that were asked for under an id, of a model that could use a shell.
    pub fn turns(&self, id: &str) -> Vec<Asked> {
        let asked = self.asked.lock().unwrap();
        asked.iter().filter(|asked| asked.id == id && asked.shell).cloned().collect()
    }
}

/// Answers the requests of one connection until either side has had enough.
fn serve(connection: TcpStream, log: &Mutex<Vec<Asked>>, resets_at: u64) -> io::Result<()> {
    let mut reader = BufReader::new(connection.try_clone()?);
    while let Some((target, body)) = http::read(&mut reader)? {
        let target = target.split('?').next().unwrap_or_default();
        let mut parts = target.trim_start_matches("/s/").splitn(3, '/');
        let (scenario, id, api) = (parts.next(), parts.next(), parts.next());
        let (Some(scenario), Some(id), Some(api)) =
            (scenario.and_then(Scenario::parse), id, api.and_then(Api::of))
        else {
            let error =
                json!({"error": {"type": "not_found_error", "message": format!("no such path: {target}")}});
            Reply::json(404, error).send(&connection)?;
            continue;
        };
        let body: Value = serde_json::from_slice(&body)?;
        let asked = api.conversation(&body);
        log.lock().unwrap().push(Asked {
            id: id.to_owned(),
            model: asked.model.clone(),
            effort: asked.effort.clone(),
            users: asked.users.clone(),
            shell: asked.shell.is_some(),
        });
        match scenario.now(&asked) {
            Scenario::Refuse { status, retry_after } => {
                let mut refusal = api.refusal(*status, &asked.model);
                if let (Some(seconds), Value::String(words)) = (retry_after, &mut refusal["error"]["message"])
                {
                    words.push_str(&format!(" Please try again in {seconds}s."));
                }
                Reply::json(*status, refusal).retry_after(*retry_after).send(&connection)?;
            }
            Scenario::UsageLimit { retry_after, wait } => {
                let resets_at = wait.map_or(resets_at, |wait| window::now() + wait);
                let wait = resets_at.saturating_sub(window::now());
                api.usage_limit(resets_at, wait).retry_after(*retry_after).send(&connection)?;
            }
            Scenario::Windows { percent } => {
                let reply = api.reply(&asked, &asked.answer());
                api.with_windows(reply, &Windows::new(*percent, resets_at)).send(&connection)?;
            }
            Scenario::Hang => {
                reader.read_to_end(&mut Vec::new())?; // until the client hangs up
                return Ok(());
            }
            Scenario::HangInside => {
                api.reply(&asked, &asked.answer()).send_beginning(&connection)?;
                reader.read_to_end(&mut Vec::new())?;
                return Ok(());
            }
            Scenario::Dribble { seconds } => {
                api.reply(&asked, &asked.answer()).send_slowly(&connection, *seconds)?;
            }
            Scenario::Drop => return Ok(()),
            Scenario::Answer { after } => {
                thread::sleep(*after);
                api.reply(&asked, &asked.answer()).send(&connection)?;
            }
            Scenario::First { .. } => unreachable!("resolved by now()"),
        }
    }
    Ok(())
}
