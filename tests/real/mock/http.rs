//! As much of HTTP/1.1 as the CLIs need: requests with a length or in chunks, answers as one JSON
//! document or as a stream of events, over connections that are kept open.

use std::io::{self, BufRead, Read, Write};
use std::net::TcpStream;

use serde_json::Value;

/// The target and the body of the next request; `None` when the client has hung up.
pub fn read(reader: &mut impl BufRead) -> io::Result<Option<(String, Vec<u8>)>> {
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

/// An answer.
#[derive(Debug)]
pub struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    body: Body,
}

#[derive(Debug)]
enum Body {
    Whole(Value),
    /// Server-sent events, ready to be sent.
    Events(Vec<String>),
}

impl Reply {
    /// One JSON document.
    pub fn json(status: u16, body: Value) -> Reply {
        Reply { status, headers: Vec::new(), body: Body::Whole(body) }
    }

    /// A stream of JSON documents; those that have a `type` get it as the event's name if `named`.
    pub fn events(events: Vec<Value>, named: bool) -> Reply {
        let frame = |event: Value| match event["type"].as_str().filter(|_| named) {
            Some(name) => format!("event: {name}\ndata: {event}\n\n"),
            None => format!("data: {event}\n\n"),
        };
        let frames = events.into_iter().map(frame).collect();
        Reply { status: 200, headers: Vec::new(), body: Body::Events(frames) }
    }

    /// The same with one more line of data at the end that is no JSON.
    pub fn then(mut self, data: &str) -> Reply {
        if let Body::Events(frames) = &mut self.body {
            frames.push(format!("data: {data}\n\n"));
        }
        self
    }

    /// The same with a header, which replaces one of this name.
    pub fn header(mut self, name: &str, value: impl ToString) -> Reply {
        self.headers.retain(|(known, _)| known != name);
        self.headers.push((name.to_owned(), value.to_string()));
        self
    }

    /// The same with the wish to be left alone for some seconds.
    pub fn retry_after(self, seconds: Option<u64>) -> Reply {
        match seconds {
            Some(seconds) => self.header("retry-after", seconds),
            None => self,
        }
    }

    /// Sends it whole.
    pub fn send(&self, connection: &TcpStream) -> io::Result<()> {
        self.send_part(connection, usize::MAX)
    }

    /// Sends the head and the first event, a comment every two seconds for so long, and then the rest.
    pub fn send_slowly(&self, mut connection: &TcpStream, seconds: u64) -> io::Result<()> {
        let Body::Events(frames) = &self.body else { return self.send(connection) };
        self.send_part(connection, 1)?;
        for _ in 0..seconds / 2 {
            std::thread::sleep(std::time::Duration::from_secs(2));
            send_chunk(connection, ": still here\n\n")?;
        }
        for frame in frames.iter().skip(1) {
            send_chunk(connection, frame)?;
        }
        connection.write_all(b"0\r\n\r\n")
    }

    /// Sends the head and the first event, and no end.
    pub fn send_beginning(&self, connection: &TcpStream) -> io::Result<()> {
        self.send_part(connection, 1)
    }

    fn send_part(&self, mut connection: &TcpStream, most: usize) -> io::Result<()> {
        let mut head = format!("HTTP/1.1 {} Mock\r\nrequest-id: req_mock\r\n", self.status);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        match &self.body {
            Body::Whole(body) => {
                let body = body.to_string();
                let head = format!("{head}content-type: application/json\r\ncontent-length: {}", body.len());
                connection.write_all(format!("{head}\r\n\r\n{body}").as_bytes())
            }
            Body::Events(frames) => {
                let head = format!("{head}content-type: text/event-stream\r\ntransfer-encoding: chunked");
                connection.write_all(format!("{head}\r\n\r\n").as_bytes())?;
                for frame in frames.iter().take(most) {
                    send_chunk(connection, frame)?;
                }
                if most < frames.len() { Ok(()) } else { connection.write_all(b"0\r\n\r\n") }
            }
        }
    }
}

fn send_chunk(mut connection: &TcpStream, text: &str) -> io::Result<()> {
    connection.write_all(format!("{:x}\r\n{text}\r\n", text.len()).as_bytes())
}
