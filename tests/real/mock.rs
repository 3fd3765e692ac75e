//! A model server on loopback, as far as Claude Code needs one: `POST …/v1/messages`
//! below `/s/<scenario>/<id>`, over HTTP/1.1 connections that are kept open.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::{Value, json};

use super::scenario::{Conversation, Scenario, refusal};

/// A request for a model's turn, as it came in.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Behind the scenario in the address: which invocation asked.
    pub id: String,
    /// The model asked for.
    pub model: String,
    /// What the user said, oldest first.
    pub users: Vec<String>,
}

/// A running server; its threads end with the process.
#[derive(Debug)]
pub struct Mock {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Mock {
    /// Starts one on a free port.
    pub fn start() -> Mock {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&asked);
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let log = Arc::clone(&log);
                // A client that is killed breaks its connection; that is its own affair.
                thread::spawn(move || serve(connection, &log));
            }
        });
        Mock { address, asked }
    }

    /// The base address of a scenario.
    pub fn url(&self, scenario: &str, id: &str) -> String {
        assert!(Scenario::parse(scenario).is_some(), "no such scenario: {scenario}");
        format!("http://{}/s/{scenario}/{id}", self.address)
    }

    /// Everything that was asked under an id.
    pub fn asked(&self, id: &str) -> Vec<Asked> {
        self.asked.lock().unwrap().iter().filter(|asked| asked.id == id).cloned().collect()
    }
}

/// Answers the requests of one connection until either side has had enough.
fn serve(connection: TcpStream, log: &Mutex<Vec<Asked>>) -> io::Result<()> {
    let mut reader = BufReader::new(connection.try_clone()?);
    while let Some((target, body)) = read_request(&mut reader)? {
        let target = target.split('?').next().unwrap_or_default();
        let mut parts = target.trim_start_matches("/s/").splitn(3, '/');
        let (scenario, id, path) = (parts.next(), parts.next(), parts.next());
        let scenario = scenario.and_then(Scenario::parse);
        let (Some(scenario), Some(id), Some("v1/messages")) = (scenario, id, path) else {
            let error =
                json!({"error": {"type": "not_found_error", "message": format!("no such path: {target}")}});
            send_json(&connection, 404, &error)?;
            continue;
        };
        let body: Value = serde_json::from_slice(&body)?;
        let conversation = Conversation::of(&body);
        log.lock().unwrap().push(Asked {
            id: id.to_owned(),
            model: body["model"].as_str().unwrap_or_default().to_owned(),
            users: conversation.users.clone(),
        });
        match scenario {
            Scenario::Status(status) => send_json(&connection, status, &refusal(status, &body["model"]))?,
            Scenario::Hang => {
                reader.read_to_end(&mut Vec::new())?; // until the client hangs up
                return Ok(());
            }
            Scenario::Ok(after) => {
                thread::sleep(after);
                let answer = conversation.answer();
                if body["stream"] == true {
                    send_events(&connection, &answer.events(&body["model"]))?;
                } else {
                    send_json(&connection, 200, &answer.message(&body["model"]))?;
                }
            }
        }
    }
    Ok(())
}

/// The target and the body of the next request; `None` when the client has hung up.
fn read_request(reader: &mut impl BufRead) -> io::Result<Option<(String, Vec<u8>)>> {
    let Some(first) = read_line(reader)? else { return Ok(None) };
    let target = first.split(' ').nth(1).unwrap_or_default().to_owned();
    let (mut length, mut chunked) = (0, false);
    while let Some(header) = read_line(reader)?.filter(|header| !header.is_empty()) {
        let (name, value) = header.split_once(':').unwrap_or_default();
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = number(value, 10)?,
            "transfer-encoding" => chunked = value.trim().eq_ignore_ascii_case("chunked"),
            _ => {}
        }
    }
    let mut body = Vec::new();
    if chunked {
        loop {
            let size = number(&read_line(reader)?.unwrap_or_default(), 16)?;
            reader.take(size).read_to_end(&mut body)?;
            read_line(reader)?;
            if size == 0 {
                break;
            }
        }
    } else {
        reader.take(length).read_to_end(&mut body)?;
    }
    Ok(Some((target, body)))
}

fn read_line(reader: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut line = String::new();
    let count = reader.read_line(&mut line)?;
    Ok((count > 0).then(|| line.trim_end().to_owned()))
}

fn number(text: &str, radix: u32) -> io::Result<u64> {
    u64::from_str_radix(text.trim(), radix).map_err(io::Error::other)
}

fn send_json(mut connection: &TcpStream, status: u16, body: &Value) -> io::Result<()> {
    let body = body.to_string();
    let head =
        format!("HTTP/1.1 {status} Mock\r\ncontent-type: application/json\r\nrequest-id: req_mock\r\n");
    connection.write_all(format!("{head}content-length: {}\r\n\r\n{body}", body.len()).as_bytes())
}

fn send_events(mut connection: &TcpStream, events: &[Value]) -> io::Result<()> {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
    connection.write_all(head.as_bytes())?;
    for event in events {
        let text = format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap_or_default());
        connection.write_all(format!("{:x}\r\n{text}\r\n", text.len()).as_bytes())?;
    }
    connection.write_all(b"0\r\n\r\n")
}
